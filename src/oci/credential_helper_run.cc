// Runs a credential helper as a child process.
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>

#include "oci/credential_helper.h"
#include "oci/limits.h"

extern char** environ;

namespace slipway::oci {
namespace {

using std::chrono::steady_clock;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { Close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  void Close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

// The program's file; empty: it is in no folder of PATH that is named from the root.
std::string FindProgram(const std::string& program) {
  const char* path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): nothing sets it
  std::string_view rest = path == nullptr ? "" : path;
  while (!rest.empty()) {
    const std::string_view folder = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
    if (!folder.starts_with('/')) continue;
    std::string file = std::string(folder) + "/" + program;
    struct stat info{};
    const bool is_file = ::stat(file.c_str(), &info) == 0 && S_ISREG(info.st_mode);
    if (is_file && ::access(file.c_str(), X_OK) == 0) return file;
  }
  return {};
}

// false at the deadline.
bool WaitReadable(int descriptor, steady_clock::time_point deadline) {
  while (true) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now()).count();
    if (left <= 0) return false;
    pollfd wanted{.fd = descriptor, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&wanted, 1, static_cast<int>(left));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

// A running child, killed and waited for if it is left.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  ~Child() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) continue;
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // Waits for its end: its exit status, or 128 and the signal's number for one that was killed;
  // nothing: it still runs at the deadline.
  Result<std::optional<int>> Wait(steady_clock::time_point deadline) {
    const Descriptor descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    if (descriptor.get() < 0) return SystemError(errno, "pidfd_open");
    if (!WaitReadable(descriptor.get(), deadline)) return std::optional<int>();
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
    pid_ = -1;
    return std::optional<int>(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
  }

 private:
  pid_t pid_;
};

Result<pid_t> Start(const std::string& file, const std::string& program, const std::string& verb,
                    int input, int output) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  std::string name = program;
  std::string word = verb;
  std::array<char*, 3> arguments = {name.data(), word.data(), nullptr};
  pid_t pid = -1;
  const int error =
      ::posix_spawn(&pid, file.c_str(), &actions, &attributes, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) return SystemError(error, "start " + file);
  return pid;
}

Error TimedOut(const std::string& program, const std::string& verb) {
  return Error(Code::kDeadlineExceeded, "HELPER_TIMEOUT",
               program + " " + verb + ": took too long and was ended");
}

// All that the child writes until it closes its standard output.
Result<std::string> ReadOutput(int descriptor, steady_clock::time_point deadline,
                               const std::string& program, const std::string& verb) {
  std::string output;
  std::array<char, 4096> piece;
  while (true) {
    if (!WaitReadable(descriptor, deadline)) return TimedOut(program, verb);
    const ssize_t count = ::read(descriptor, piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return output;
    output.append(piece.data(), static_cast<size_t>(count));
    if (output.size() > kMaxHelperBytes) {
      return FailedPrecondition("HELPER_FAILED", program + " " + verb + ": answered more than " +
                                                     std::to_string(kMaxHelperBytes) + " bytes");
    }
  }
}

Result<HelperResult> Run(const std::string& program, const std::string& verb,
                         const std::string& input, std::chrono::milliseconds timeout) {
  const std::string file = FindProgram(program);
  if (file.empty()) {
    return FailedPrecondition("HELPER_MISSING",
                              program +
                                  ": is not on PATH; install it, or take it out of the file that "
                                  "names it (credsStore, credHelpers)");
  }
  // What fits into a pipe is written before anybody reads.
  if (input.size() > kMaxHelperBytes) {
    return InvalidArgument("CREDENTIALS_INVALID", program + " " + verb + ": takes at most " +
                                                      std::to_string(kMaxHelperBytes) + " bytes");
  }
  std::array<int, 2> in;
  std::array<int, 2> out;
  if (::pipe2(in.data(), O_CLOEXEC) != 0) return SystemError(errno, "pipe");
  Descriptor in_read(in[0]);
  Descriptor in_write(in[1]);
  if (::pipe2(out.data(), O_CLOEXEC) != 0) return SystemError(errno, "pipe");
  Descriptor out_read(out[0]);
  Descriptor out_write(out[1]);
  const auto deadline = steady_clock::now() + timeout;
  // Before the start, with the reading end still open here: no SIGPIPE, no wait.
  if (::write(in_write.get(), input.data(), input.size()) != static_cast<ssize_t>(input.size())) {
    return SystemError(errno, "write to " + program);
  }
  in_write.Close();
  TRY(pid, Start(file, program, verb, in_read.get(), out_write.get()));
  Child child(pid);
  in_read.Close();
  out_write.Close();
  TRY(output, ReadOutput(out_read.get(), deadline, program, verb));
  TRY(status, child.Wait(deadline));
  if (!status) return TimedOut(program, verb);
  return HelperResult{.exit_status = *status, .output = std::move(output)};
}

}  // namespace

RunHelper MakeRunHelper(std::chrono::milliseconds timeout) {
  return [timeout](const std::string& program, const std::string& verb, const std::string& input) {
    return Run(program, verb, input, timeout);
  };
}

}  // namespace slipway::oci
