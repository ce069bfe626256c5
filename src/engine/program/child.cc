#include "engine/program/child.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "base/descriptor.h"
#include "base/log.h"
#include "base/random.h"
#include "engine/program/limits.h"
#include "engine/worker/environment.h"

namespace slipway::engine::program {
namespace {

// What a child says of itself before it is another program: nothing, or why it is not.
struct Problem {
  int number = 0;       // errno
  bool is_confinement;  // else the program could not be run
};

bool IsFree(uint16_t port) {
  const Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return socket && bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
}

// In the child, where nothing is left to do but this.
[[noreturn]] void Become(std::vector<char*>& words, const std::string& folder,
                         const worker::Reach& reach, pid_t parent, int tell) {
  Problem problem{.number = 0, .is_confinement = false};
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  sigset_t none;
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, nullptr);
  worker::DropSecrets();
  const Result<void> confined = worker::Confine(reach);
  if (confined.has_error()) {
    problem.is_confinement = true;
  } else if (chdir(folder.c_str()) == 0) {
    // Its own descriptors are the first three; `tell` closes when it is run.
    syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
    execvp(words.front(), words.data());
  }
  problem.number = errno;
  (void)!write(tell, &problem, sizeof(problem));
  _exit(1);
}

std::string HowItEnded(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) return "exited with code " + std::to_string(info.si_status);
  const char* const name = sigdescr_np(info.si_status);
  return "was killed by signal " + std::to_string(info.si_status) +
         (name == nullptr ? "" : " (" + std::string(name) + ")");
}

}  // namespace

Result<uint16_t> FindPort() {
  for (int attempt = 0; attempt < kPortAttempts; ++attempt) {
    const auto port =
        static_cast<uint16_t>(kFirstPort + SystemRandom().Next() % (kLastPort - kFirstPort + 1));
    if (IsFree(port)) return port;
  }
  return Unavailable("PROGRAM_PORT", "no port of loopback from " + std::to_string(kFirstPort) +
                                         " to " + std::to_string(kLastPort) +
                                         " was found free for a program: try again");
}

Result<pid_t> Child::Start(const std::vector<std::string>& command, const std::string& folder,
                           const worker::Reach& reach) {
  std::vector<std::string> copies = command;
  std::vector<char*> words;
  for (std::string& word : copies) words.push_back(word.data());
  words.push_back(nullptr);
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return SystemError(errno, "pipe");
  const Descriptor listen(ends[0]);
  Descriptor tell(ends[1]);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return SystemError(errno, "fork");
  if (pid == 0) Become(words, folder, reach, parent, tell.get());
  tell.Close();
  Problem problem{};
  ssize_t got = 0;
  while ((got = read(listen.get(), &problem, sizeof(problem))) < 0 && errno == EINTR) continue;
  if (got != sizeof(problem)) return pid;  // the end of the pipe: it is the program now
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) continue;
  if (problem.is_confinement) {
    return FailedPrecondition(
        "WORKER_UNCONFINED",
        "this kernel cannot confine programs (Landlock is missing): serve them on one that can, or "
        "set SLIPWAY_UNCONFINED=1 for the data plane if whoever deploys them may reach all that it "
        "may");
  }
  return FailedPrecondition("PROGRAM_MISSING",
                            "the program " + command.front() +
                                " cannot be run: " + strerrordesc_np(problem.number) +
                                "; the first word of the command is a file that may be executed, "
                                "such as {program}/serve, or is found in the path of the data "
                                "plane");
}

std::string Child::Ended(pid_t pid) {
  siginfo_t info{};
  const int found = waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT);
  if (found != 0 || info.si_pid == 0) return {};
  return HowItEnded(info);
}

std::string Child::EndedWithin(pid_t pid, std::chrono::milliseconds time) {
  const Descriptor process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  pollfd end{.fd = process.get(), .events = POLLIN, .revents = 0};
  (void)poll(&end, 1, static_cast<int>(time.count()));
  return Ended(pid);
}

void Child::AwaitEnd(pid_t pid) {
  while (true) {
    siginfo_t info{};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) != 0) {
      if (errno == EINTR) continue;
      return;
    }
    if (info.si_pid == pid) return;
    // One that the program left to this process.
    waitpid(info.si_pid, nullptr, WNOHANG);
  }
}

void Child::FollowToItsEnd(pid_t pid) {
  siginfo_t info{};
  while (waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
  }
  LogError("a program ended by itself", {{"how", HowItEnded(info)}});
  if (info.si_code == CLD_EXITED) _exit(info.si_status);
  signal(info.si_status, SIG_DFL);
  // To this thread, so that it comes before what follows.
  raise(info.si_status);
  // A signal whose default is not the end.
  _exit(1);
}

void Child::AskToEnd(pid_t pid) {
  kill(pid, SIGTERM);
  if (EndedWithin(pid, kProgramEndGrace).empty()) kill(pid, SIGKILL);
}

}  // namespace slipway::engine::program
