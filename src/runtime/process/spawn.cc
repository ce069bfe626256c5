#include "runtime/process/spawn.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <map>

#include "runtime/limits.h"
#include "runtime/process/process_identity.h"

namespace slipway::runtime {
namespace {

constexpr int kFirstPassed = 3;
// Copies of all that the child needs lie above this, so that putting them at their final numbers
// never overwrites one of them.
constexpr int kParking = kFirstPassed + static_cast<int>(kMaxWorkloadDescriptors) + 1;

// What a child that could not run its program reports through the gate.
struct Failure {
  int step = 0;
  int error_number = 0;
};
constexpr const char* kSteps[] = {"", "enter the folder", "place descriptors", "run the program"};
constexpr int kFolder = 1;
constexpr int kDescriptors = 2;
constexpr int kExec = 3;

// Everything that the child touches, made before the fork: after it only calls that are safe in a
// signal handler are allowed.
struct Prepared {
  std::vector<std::string> texts;
  std::vector<char*> arguments;
  std::vector<char*> environment;
  const char* program = nullptr;
  const char* folder = nullptr;
  Descriptor null;
  Descriptor log;
  Descriptor gate;
  std::vector<Descriptor> passed;
};

Result<Descriptor> Park(int descriptor) {
  Descriptor copy(fcntl(descriptor, F_DUPFD_CLOEXEC, kParking));
  if (!copy) return SystemError(errno, "copy descriptor " + std::to_string(descriptor));
  return copy;
}

std::vector<std::string> EnvironmentOf(const WorkloadSpec& spec, const std::string& mark) {
  std::map<std::string, std::string> merged;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    std::string_view text = *entry;
    size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    merged[std::string(text.substr(0, equals))] = std::string(text.substr(equals + 1));
  }
  for (const auto& [name, value] : spec.environment) merged[name] = value;
  merged[std::string(kMarkVariable)] = mark;
  merged.erase("SLIPWAY_LISTEN");
  std::string listen;
  for (size_t i = 0; i < spec.descriptors.size(); ++i) {
    if (i > 0) listen += ",";
    listen += spec.descriptors[i].name + "=" + std::to_string(kFirstPassed + i);
  }
  if (!listen.empty()) merged["SLIPWAY_LISTEN"] = listen;
  std::vector<std::string> out;
  for (const auto& [name, value] : merged) out.push_back(name + "=" + value);
  return out;
}

Result<Descriptor> OpenParked(const std::string& path, int flags) {
  Descriptor file(open(path.c_str(), flags | O_CLOEXEC, 0600));
  if (!file) return SystemError(errno, "open " + path);
  return Park(file.get());
}

Result<Prepared> Prepare(const WorkloadSpec& spec, const std::string& mark, int gate) {
  Prepared out;
  std::vector<std::string> environment = EnvironmentOf(spec, mark);
  size_t words = spec.arguments.size() + 1;
  out.texts.push_back(spec.program);
  out.texts.insert(out.texts.end(), spec.arguments.begin(), spec.arguments.end());
  out.texts.insert(out.texts.end(), environment.begin(), environment.end());
  out.texts.push_back(spec.folder);
  for (size_t i = 0; i + 1 < out.texts.size(); ++i) {
    (i < words ? out.arguments : out.environment).push_back(out.texts[i].data());
  }
  out.arguments.push_back(nullptr);
  out.environment.push_back(nullptr);
  out.program = out.texts.front().c_str();
  out.folder = out.texts.back().c_str();
  TRY(null, OpenParked("/dev/null", O_RDONLY));
  TRY(log, OpenParked(spec.log_path, O_WRONLY | O_CREAT | O_APPEND));
  TRY(parked_gate, Park(gate));
  out.null = std::move(null);
  out.log = std::move(log);
  out.gate = std::move(parked_gate);
  for (const PassedDescriptor& passed : spec.descriptors) {
    TRY(parked, Park(passed.descriptor));
    out.passed.push_back(std::move(parked));
  }
  return out;
}

[[noreturn]] void Report(int gate, int step, int error_number) {
  Failure failure{step, error_number};
  (void)send(gate, &failure, sizeof(failure), MSG_NOSIGNAL);
  _exit(127);
}

void ResetSignals() {
  struct sigaction plain{};
  plain.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) sigaction(number, &plain, nullptr);
  sigset_t none;
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

bool PlaceDescriptors(const Prepared& prepared) {
  bool placed = dup2(prepared.null.get(), STDIN_FILENO) >= 0 &&
                dup2(prepared.log.get(), STDOUT_FILENO) >= 0 &&
                dup2(prepared.log.get(), STDERR_FILENO) >= 0;
  int next = kFirstPassed;
  for (const Descriptor& passed : prepared.passed) {
    placed = placed && dup2(passed.get(), next++) >= 0;
  }
  auto first = static_cast<unsigned>(next);
  return placed && syscall(SYS_close_range, first, ~0U, CLOSE_RANGE_CLOEXEC) == 0;
}

[[noreturn]] void RunChild(const Prepared& prepared, int parents_end) {
  int gate = prepared.gate.get();
  // With the parent's end still open here, its death would go unnoticed.
  close(parents_end);
  setsid();
  ResetSignals();
  umask(0077);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (chdir(prepared.folder) != 0) Report(gate, kFolder, errno);
  if (!PlaceDescriptors(prepared)) Report(gate, kDescriptors, errno);
  char go = 0;
  ssize_t got = 0;
  do {
    got = recv(gate, &go, 1, 0);
  } while (got < 0 && errno == EINTR);
  if (got != 1) _exit(127);
  execve(prepared.program, prepared.arguments.data(), prepared.environment.data());
  Report(gate, kExec, errno);
}

Result<void> CheckSpec(const WorkloadSpec& spec) {
  auto invalid = [&spec](std::string what) {
    return InvalidArgument("WORKLOAD_INVALID", "workload " + spec.name + ": " + std::move(what));
  };
  if (spec.name.empty()) return invalid("it has no name");
  if (!spec.program.starts_with('/')) return invalid("its program is no absolute path");
  if (!spec.folder.starts_with('/')) return invalid("its folder is no absolute path");
  if (spec.descriptors.size() > kMaxWorkloadDescriptors) {
    return invalid("it inherits at most " + std::to_string(kMaxWorkloadDescriptors) +
                   " descriptors");
  }
  for (const PassedDescriptor& passed : spec.descriptors) {
    if (passed.name.empty() || passed.name.find_first_of("=,") != std::string::npos) {
      return invalid("\"" + passed.name + "\" is no name of a descriptor");
    }
  }
  if (access(spec.program.c_str(), X_OK) != 0) {
    return FailedPrecondition("PROGRAM_MISSING",
                              spec.program +
                                  ": cannot be run, look whether it is there and is "
                                  "executable")
        .CausedBy(SystemError(errno, spec.program));
  }
  return {};
}

}  // namespace

HeldProcess::HeldProcess(Descriptor process, pid_t pid, Descriptor gate, std::string program)
    : process_(std::move(process)),
      pid_(pid),
      gate_(std::move(gate)),
      program_(std::move(program)) {}

HeldProcess::~HeldProcess() {
  if (process_) End();
}

void HeldProcess::End() {
  gate_.Close();
  syscall(SYS_pidfd_send_signal, process_.get(), SIGKILL, nullptr, 0);
  siginfo_t info{};
  while (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED) != 0 && errno == EINTR) {
  }
  process_.Close();
}

Result<HeldProcess> HeldProcess::Fork(const WorkloadSpec& spec, const std::string& mark) {
  TRY_VOID(CheckSpec(spec));
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return SystemError(errno, "socketpair");
  }
  Descriptor ours(ends[0]);
  Descriptor theirs(ends[1]);
  TRY(prepared, Prepare(spec, mark, theirs.get()));
  pid_t pid = fork();
  if (pid < 0) return SystemError(errno, "fork");
  if (pid == 0) {
    close(theirs.get());
    RunChild(prepared, ours.get());
  }
  // The child is not reaped by anybody else, so its number is still its own.
  Descriptor process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!process) {
    int problem = errno;
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    return SystemError(problem, "pidfd_open");
  }
  return HeldProcess(std::move(process), pid, std::move(ours), spec.program);
}

Result<Descriptor> HeldProcess::LetGo() && {
  char go = 1;
  if (send(gate_.get(), &go, 1, MSG_NOSIGNAL) != 1) {
    // It reports why through the same gate, unless somebody killed it.
    go = 0;
  }
  pollfd wait{gate_.get(), POLLIN, 0};
  int timeout = static_cast<int>(std::chrono::milliseconds(kSpawnTimeout).count());
  int ready = 0;
  do {
    ready = poll(&wait, 1, timeout);
  } while (ready < 0 && errno == EINTR);
  Failure failure;
  ssize_t got = ready > 0 ? recv(gate_.get(), &failure, sizeof(failure), 0) : -1;
  // The exec closed the child's end: its program runs.
  if (got == 0 && go == 1) return std::move(process_);
  End();
  if (got != sizeof(failure)) {
    return Internal("WORKLOAD_NOT_STARTED", program_ + ": ended before its program ran");
  }
  Error cause = SystemError(failure.error_number, kSteps[failure.step]);
  return FailedPrecondition("PROGRAM_MISSING", program_ + ": cannot be run: " + cause.message())
      .CausedBy(cause);
}

}  // namespace slipway::runtime
