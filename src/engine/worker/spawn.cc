#include "engine/worker/spawn.h"

#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <mutex>
#include <set>

#include "engine/worker/descendants.h"

namespace slipway::engine::worker {
namespace {

// The file of the running program, also where another one took its name meanwhile.
constexpr const char* kThisProgram = "/proc/self/exe";

class SpawnSettings {
 public:
  explicit SpawnSettings(int control) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_adddup2(&actions_, control, kControlDescriptor);
    posix_spawnattr_init(&attributes_);
    sigset_t signals;
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes_, &signals);
    sigfillset(&signals);
    posix_spawnattr_setsigdefault(&attributes_, &signals);
    posix_spawnattr_setflags(&attributes_,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
  }
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

// The workers of this process that were not yet waited for. What else is its child, in a session
// that is not its own, was left behind by one of them.
struct Living {
  std::mutex mutex;  // held while one begins or ends
  std::set<pid_t> pids;
};

Living& TheLiving() {
  static auto* living = new Living();
  return *living;
}

}  // namespace

Result<Child> Child::Start(const std::vector<std::string>& arguments, int control) {
  std::vector<std::string> words = {"slipway", "worker"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const SpawnSettings settings(control);
  AdoptOrphans();
  Living& living = TheLiving();
  std::unique_lock lock(living.mutex);
  pid_t pid = -1;
  const int problem = posix_spawn(&pid, kThisProgram, settings.actions(), settings.attributes(),
                                  pointers.data(), environ);
  if (problem != 0) return SystemError(problem, "start a worker");
  living.pids.insert(pid);
  // Nobody else reaps it, so that its number is still its own.
  Descriptor pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (pidfd) return Child(pid, std::move(pidfd));
  const int reason = errno;
  kill(pid, SIGKILL);
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) continue;
  living.pids.erase(pid);
  return SystemError(reason, "pidfd_open");
}

Child::~Child() {
  if (!pidfd_) return;
  Kill();
  (void)Reap();
}

void Child::Kill() {
  // What it started as well, which it adopts as long as it lives: it stands still meanwhile, so
  // that it starts nothing in its place. The group has its number as long as it is not reaped.
  kill(-pid_, SIGSTOP);
  KillDescendants(pid_);
  kill(-pid_, SIGKILL);
  syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0);
}

std::string Child::Reap() {
  siginfo_t info{};
  while (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
  }
  // While the number is still taken: what it left behind goes too. Of that the rest is a child of
  // this process now.
  kill(-pid_, SIGKILL);
  Living& living = TheLiving();
  const std::lock_guard lock(living.mutex);
  KillAdopted([&living](pid_t pid) { return living.pids.contains(pid); });
  living.pids.erase(pid_);
  while (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED) != 0 && errno == EINTR) {
  }
  pidfd_.Close();
  if (info.si_code == CLD_EXITED) return "exited with code " + std::to_string(info.si_status);
  const char* const name = sigdescr_np(info.si_status);
  return "was killed by signal " + std::to_string(info.si_status) +
         (name == nullptr ? "" : " (" + std::string(name) + ")");
}

int64_t Child::ResidentBytes(pid_t pid) {
  constexpr int64_t kUnit = 1024;
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  int64_t bytes = 0;
  for (std::string word; file >> word;) {
    int64_t number = 0;
    if (word != "RssAnon:" && word != "RssShmem:") continue;
    if (file >> number) bytes += number * kUnit;
  }
  return bytes;
}

}  // namespace slipway::engine::worker
