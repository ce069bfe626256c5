#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "async/descriptor.h"
#include "async/guarded.h"
#include "base/descriptor.h"
#include "base/random.h"
#include "runtime/driver.h"
#include "runtime/process/process_identity.h"
#include "runtime/process/spawn.h"

namespace slipway::runtime {
namespace {

constexpr std::string_view kDriverName = "process";
// How long a killed process may take to disappear.
constexpr std::chrono::seconds kKillTimeout{10};
// How often a session is searched again for what was forked while it was being killed.
constexpr int kMaxKillRounds = 50;

// A process that this driver knows. Children are reaped here, by whoever waits first.
struct Known {
  Descriptor process;  // a pidfd
  bool is_child = false;
  Guarded<std::optional<WorkloadExit>> exit;
};

WorkloadExit ExitOf(const siginfo_t& info) {
  WorkloadExit out;
  if (info.si_code == CLD_EXITED) {
    out.exit_code = info.si_status;
  } else {
    out.by_signal = info.si_status;
  }
  return out;
}

bool WaitUntilReadable(int descriptor, std::chrono::milliseconds timeout) {
  auto deadline = std::chrono::steady_clock::now() + timeout;
  while (true) {
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd wait{descriptor, POLLIN, 0};
    int ready = poll(&wait, 1, static_cast<int>(std::max<int64_t>(left.count(), 0)));
    if (ready > 0) return true;
    if (ready == 0 && left.count() <= 0) return false;
    if (ready < 0 && errno != EINTR) return false;
  }
}

// The end of a child; ECHILD where SIGCHLD is ignored and the kernel has reaped it.
std::optional<WorkloadExit> ReapChild(int process) {
  siginfo_t info{};
  int result = 0;
  do {
    result = waitid(P_PIDFD, static_cast<id_t>(process), &info, WEXITED | WNOHANG);
  } while (result != 0 && errno == EINTR);
  if (result != 0) return WorkloadExit{};
  if (info.si_pid == 0) return std::nullopt;
  return ExitOf(info);
}

// Nothing while it runs. The first who asks after its end reaps it.
std::optional<WorkloadExit> Reap(Known& known) {
  return known.exit.With([&known](std::optional<WorkloadExit>& exit) {
    if (exit.has_value()) return exit;
    if (known.is_child) {
      exit = ReapChild(known.process.get());
    } else if (WaitUntilReadable(known.process.get(), std::chrono::milliseconds(0))) {
      exit = WorkloadExit{};
    }
    return exit;
  });
}

class ProcessDriver final : public Driver {
 public:
  Result<WorkloadHandle> Start(const WorkloadSpec& spec, const Record& record) override;
  Result<std::optional<int64_t>> Find(const WorkloadHandle& handle) override;
  Result<bool> IsHeld(const WorkloadHandle& handle) override;
  Result<void> Stop(const WorkloadHandle& handle, std::chrono::milliseconds grace) override;
  Task<Result<WorkloadExit>> WaitExit(WorkloadHandle handle) override;

 private:
  // By a handle's id. Entries of ended processes go when somebody was told of the end.
  using KnownById = std::map<std::string, std::shared_ptr<Known>>;

  Result<ProcessIdentity> IdentityOf(const WorkloadHandle& handle) const;
  std::shared_ptr<Known> KnownOf(const ProcessIdentity& identity);
  void Forget(const ProcessIdentity& identity);

  Guarded<KnownById> known_;
};

Result<ProcessIdentity> ProcessDriver::IdentityOf(const WorkloadHandle& handle) const {
  if (handle.driver != kDriverName) {
    return Internal("HANDLE_INVALID", "workload " + handle.name + " belongs to the driver " +
                                          handle.driver + ", not to the driver process");
  }
  return ProcessIdentity::Parse(handle.id);
}

// Nothing if it is gone.
std::shared_ptr<Known> ProcessDriver::KnownOf(const ProcessIdentity& identity) {
  return known_.With([&identity](KnownById& known) -> std::shared_ptr<Known> {
    auto found = known.find(identity.ToString());
    if (found != known.end()) return found->second;
    // The pidfd is opened before the identity is checked: if the process is the right one now, it
    // was when its number was opened.
    Descriptor process(static_cast<int>(syscall(SYS_pidfd_open, identity.pid, 0)));
    if (!process || !IsRunning(identity)) return nullptr;
    auto adopted = std::make_shared<Known>();
    adopted->process = std::move(process);
    known[identity.ToString()] = adopted;
    return adopted;
  });
}

void ProcessDriver::Forget(const ProcessIdentity& identity) {
  known_.With([&identity](KnownById& known) { known.erase(identity.ToString()); });
}

Result<WorkloadHandle> ProcessDriver::Start(const WorkloadSpec& spec, const Record& record) {
  ProcessIdentity identity;
  identity.mark = spec.name + "-" + RandomHexId(SystemRandom());
  TRY(held, HeldProcess::Fork(spec, identity.mark));
  auto stat = ReadProcessStat(held.pid());
  if (!stat.has_value()) {
    return Internal("WORKLOAD_NOT_STARTED", spec.program + ": /proc does not show its process");
  }
  identity.pid = held.pid();
  identity.start_ticks = stat->start_ticks;
  identity.boot_id = ReadBootId();
  WorkloadHandle handle{std::string(kDriverName), spec.name, identity.ToString()};
  TRY_VOID(record(handle));
  TRY(process, std::move(held).LetGo());
  auto known = std::make_shared<Known>();
  known->process = std::move(process);
  known->is_child = true;
  known_.With([&](KnownById& all) { all[handle.id] = std::move(known); });
  return handle;
}

Result<std::optional<int64_t>> ProcessDriver::Find(const WorkloadHandle& handle) {
  TRY(identity, IdentityOf(handle));
  std::optional<int64_t> out;
  if (IsRunning(identity)) out = identity.pid;
  return out;
}

Result<bool> ProcessDriver::IsHeld(const WorkloadHandle& handle) {
  TRY(identity, IdentityOf(handle));
  auto stat = ReadProcessStat(identity.pid);
  return stat.has_value() && stat->start_ticks == identity.start_ticks && stat->held();
}

Result<void> ProcessDriver::Stop(const WorkloadHandle& handle, std::chrono::milliseconds grace) {
  TRY(identity, IdentityOf(handle));
  std::shared_ptr<Known> known = KnownOf(identity);
  if (known != nullptr) {
    int process = known->process.get();
    syscall(SYS_pidfd_send_signal, process, SIGTERM, nullptr, 0);
    if (!WaitUntilReadable(process, grace)) {
      syscall(SYS_pidfd_send_signal, process, SIGKILL, nullptr, 0);
      if (!WaitUntilReadable(process, kKillTimeout)) {
        return Error(Code::kDeadlineExceeded, "WORKLOAD_STUCK",
                     "process " + std::to_string(identity.pid) + " does not end, though killed");
      }
    }
    Reap(*known);
    Forget(identity);
  }
  for (int round = 0; round < kMaxKillRounds; ++round) {
    std::vector<Descriptor> left = ProcessesWithMark(identity.mark);
    if (left.empty()) return {};
    for (const Descriptor& process : left) {
      syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0);
    }
    for (const Descriptor& process : left) WaitUntilReadable(process.get(), kKillTimeout);
  }
  return Error(Code::kDeadlineExceeded, "WORKLOAD_STUCK",
               "processes that " + handle.name + " started do not end, though killed");
}

Task<Result<WorkloadExit>> ProcessDriver::WaitExit(WorkloadHandle handle) {
  CO_TRY(identity, IdentityOf(handle));
  std::shared_ptr<Known> known = KnownOf(identity);
  if (known == nullptr) co_return WorkloadExit{};
  // A copy, because a core waits for one descriptor in one place only.
  Descriptor waited(fcntl(known->process.get(), F_DUPFD_CLOEXEC, 0));
  if (!waited) co_return SystemError(errno, "copy a pidfd");
  while (true) {
    std::optional<WorkloadExit> exit = Reap(*known);
    if (exit.has_value()) {
      Forget(identity);
      co_return *exit;
    }
    CO_TRY_VOID(co_await WaitReadable(waited.get()));
  }
}

}  // namespace

std::unique_ptr<Driver> MakeProcessDriver() {
  return std::make_unique<ProcessDriver>();
}

}  // namespace slipway::runtime
