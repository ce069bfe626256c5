// FakeDriver: workloads that exist only as rows, for tests of agents.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "async/guarded.h"
#include "runtime/driver.h"

namespace slipway::runtime {

// Thread-safe. Workloads outlive the driver if they are given to the next one (Adopt), as processes
// outlive an agent.
class FakeDriver final : public Driver {
 public:
  struct Workload {
    WorkloadSpec spec;
    int64_t pid = 0;
    bool running = true;
    bool ignores_term = false;
    bool was_killed = false;
    bool is_held = false;
    WorkloadExit exit;
  };
  using Workloads = std::map<std::string, Workload>;  // by handle id

  FakeDriver() = default;
  explicit FakeDriver(Workloads survivors) : workloads_(std::move(survivors)) {}

  Result<WorkloadHandle> Start(const WorkloadSpec& spec, const Record& record) override;
  Result<std::optional<int64_t>> Find(const WorkloadHandle& handle) override;
  Result<bool> IsHeld(const WorkloadHandle& handle) override;
  Result<void> Stop(const WorkloadHandle& handle, std::chrono::milliseconds grace) override;
  Task<Result<WorkloadExit>> WaitExit(WorkloadHandle handle) override;

  // What a test does to the workloads.
  Workloads workloads() const;
  std::vector<std::string> running() const;
  void End(const std::string& id, WorkloadExit exit);
  void Hold(const std::string& id, bool held);
  void FailStarts(std::optional<Error> error);
  // Called with each workload that starts, on the thread that starts it.
  void OnStart(std::function<void(const WorkloadHandle&, const Workload&)> call);

 private:
  struct State {
    std::optional<Error> start_error;
    std::function<void(const WorkloadHandle&, const Workload&)> on_start;
    int64_t started = 0;
  };
  Guarded<State> state_;
  Guarded<Workloads> workloads_;
};

}  // namespace slipway::runtime
