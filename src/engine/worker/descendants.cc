#include "engine/worker/descendants.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "base/descriptor.h"

namespace slipway::engine::worker {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongest{1'000};

struct Process {
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t session = 0;
  bool is_over = false;  // a zombie
};

// Of /proc/PID/stat: the name stands in brackets and may have any in it.
bool Read(const std::string& name, Process& process) {
  std::ifstream file("/proc/" + name + "/stat");
  std::string line;
  if (!std::getline(file, line)) return false;
  const size_t end = line.rfind(") ");
  if (end == std::string::npos) return false;
  char state = 0;
  pid_t group = 0;
  std::istringstream rest(line.substr(end + 2));
  if (!(rest >> state >> process.parent >> group >> process.session)) return false;
  process.pid = static_cast<pid_t>(std::strtol(name.c_str(), nullptr, 10));
  process.is_over = state == 'Z' || state == 'X';
  return true;
}

// Every worker sets it before anything else, and what it starts has it for ever.
bool HasNoNewPrivileges(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  for (std::string word; file >> word;) {
    if (word != "NoNewPrivs:") continue;
    int number = 0;
    return file >> number && number == 1;
  }
  return false;
}

std::vector<Process> AllProcesses() {
  std::vector<Process> all;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir("/proc"), &closedir);
  if (folder == nullptr) return all;
  while (const dirent* entry = readdir(folder.get())) {  // NOLINT(concurrency-mt-unsafe)
    Process process;
    if (entry->d_name[0] < '1' || entry->d_name[0] > '9') continue;
    if (Read(entry->d_name, process)) all.push_back(process);
  }
  return all;
}

using Deadline = std::chrono::steady_clock::time_point;

// Kills those and what descends from them, and waits for their ends; whether there were any.
bool KillOnce(const std::vector<Process>& all, const std::function<bool(const Process&)>& is_top,
              Deadline deadline) {
  std::set<pid_t> doomed;
  for (const Process& process : all) {
    if (is_top(process)) doomed.insert(process.pid);
  }
  for (bool grows = true; grows;) {
    grows = false;
    for (const Process& process : all) {
      if (doomed.contains(process.parent)) grows |= doomed.insert(process.pid).second;
    }
  }
  std::vector<Descriptor> killed;
  for (const Process& process : all) {
    if (process.is_over || !doomed.contains(process.pid)) continue;
    Descriptor one(static_cast<int>(syscall(SYS_pidfd_open, process.pid, 0)));
    if (!one || syscall(SYS_pidfd_send_signal, one.get(), SIGKILL, nullptr, 0) != 0) continue;
    killed.push_back(std::move(one));
  }
  for (const Descriptor& one : killed) {
    pollfd end{.fd = one.get(), .events = POLLIN, .revents = 0};
    const auto left =
        std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    (void)poll(&end, 1, static_cast<int>(std::max<int64_t>(left, 0)));
  }
  return !killed.empty();
}

}  // namespace

void AdoptOrphans() {
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

void KillDescendants(pid_t root) {
  const Deadline end = std::chrono::steady_clock::now() + kLongest;
  const auto is_top = [root](const Process& process) { return process.parent == root; };
  while (KillOnce(AllProcesses(), is_top, end) && std::chrono::steady_clock::now() < end) continue;
}

void KillAdopted(const std::function<bool(pid_t)>& known) {
  const Deadline end = std::chrono::steady_clock::now() + kLongest;
  const pid_t self = getpid();
  const pid_t session = getsid(0);
  const auto is_top = [&](const Process& process) {
    return process.parent == self && process.session != session && !known(process.pid) &&
           HasNoNewPrivileges(process.pid);
  };
  bool any = true;
  while (any && std::chrono::steady_clock::now() < end) {
    const std::vector<Process> all = AllProcesses();
    any = KillOnce(all, is_top, end);
    for (const Process& process : all) {
      if (is_top(process)) waitpid(process.pid, nullptr, WNOHANG);
    }
  }
}

}  // namespace slipway::engine::worker
