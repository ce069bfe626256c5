#include "runtime/fake/fake_driver.h"

#include <signal.h>

#include "async/deadline.h"

namespace slipway::runtime {
namespace {

constexpr std::string_view kDriverName = "fake";
constexpr int64_t kFirstPid = 100'000;
constexpr std::chrono::milliseconds kPoll{1};

Result<void> CheckHandle(const WorkloadHandle& handle) {
  if (handle.driver == kDriverName && handle.id.starts_with("fake-")) return {};
  return Internal("HANDLE_INVALID", "\"" + handle.id + "\" is no workload of the driver fake");
}

}  // namespace

Result<WorkloadHandle> FakeDriver::Start(const WorkloadSpec& spec, const Record& record) {
  if (spec.name.empty() || !spec.program.starts_with('/')) {
    return InvalidArgument("WORKLOAD_INVALID",
                           "workload " + spec.name + ": needs a name and an absolute program");
  }
  auto [error, on_start] =
      state_.With([](State& state) { return std::pair(state.start_error, state.on_start); });
  if (error.has_value()) return *error;
  WorkloadHandle handle{std::string(kDriverName), spec.name, ""};
  Workload workload{.spec = spec};
  workloads_.With([&](Workloads& workloads) {
    handle.id = "fake-" + std::to_string(workloads.size() + 1);
    workload.pid = kFirstPid + static_cast<int64_t>(workloads.size());
  });
  TRY_VOID(record(handle));
  workloads_.With([&](Workloads& workloads) { workloads[handle.id] = workload; });
  if (on_start) on_start(handle, workload);
  return handle;
}

Result<std::optional<int64_t>> FakeDriver::Find(const WorkloadHandle& handle) {
  TRY_VOID(CheckHandle(handle));
  return workloads_.With([&handle](Workloads& workloads) {
    auto found = workloads.find(handle.id);
    std::optional<int64_t> out;
    if (found != workloads.end() && found->second.running) out = found->second.pid;
    return out;
  });
}

Result<bool> FakeDriver::IsHeld(const WorkloadHandle& handle) {
  TRY_VOID(CheckHandle(handle));
  return workloads_.With([&handle](Workloads& workloads) {
    auto found = workloads.find(handle.id);
    return found != workloads.end() && found->second.is_held;
  });
}

Result<void> FakeDriver::Stop(const WorkloadHandle& handle, std::chrono::milliseconds) {
  TRY_VOID(CheckHandle(handle));
  workloads_.With([&handle](Workloads& workloads) {
    auto found = workloads.find(handle.id);
    if (found == workloads.end() || !found->second.running) return;
    Workload& workload = found->second;
    workload.running = false;
    workload.was_killed = workload.ignores_term;
    workload.exit =
        workload.was_killed ? WorkloadExit{.by_signal = SIGKILL} : WorkloadExit{.exit_code = 0};
  });
  return {};
}

Task<Result<WorkloadExit>> FakeDriver::WaitExit(WorkloadHandle handle) {
  CO_TRY_VOID(CheckHandle(handle));
  while (true) {
    auto exit = workloads_.With([&handle](Workloads& workloads) {
      auto found = workloads.find(handle.id);
      std::optional<WorkloadExit> out;
      if (found == workloads.end()) out = WorkloadExit{};
      if (found != workloads.end() && !found->second.running) out = found->second.exit;
      return out;
    });
    if (exit.has_value()) co_return *exit;
    if (!co_await SleepFor(kPoll)) {
      co_return Error(Code::kCancelled, "CANCELLED", "the wait for a workload was cancelled");
    }
  }
}

FakeDriver::Workloads FakeDriver::workloads() const {
  return workloads_.With([](const Workloads& workloads) { return workloads; });
}

std::vector<std::string> FakeDriver::running() const {
  return workloads_.With([](const Workloads& workloads) {
    std::vector<std::string> out;
    for (const auto& [id, workload] : workloads) {
      if (workload.running) out.push_back(id);
    }
    return out;
  });
}

void FakeDriver::End(const std::string& id, WorkloadExit exit) {
  workloads_.With([&](Workloads& workloads) {
    auto found = workloads.find(id);
    CHECK(found != workloads.end());
    found->second.running = false;
    found->second.exit = exit;
  });
}

void FakeDriver::Hold(const std::string& id, bool held) {
  workloads_.With([&](Workloads& workloads) { workloads.at(id).is_held = held; });
}

void FakeDriver::FailStarts(std::optional<Error> error) {
  state_.With([&error](State& state) { state.start_error = std::move(error); });
}

void FakeDriver::OnStart(std::function<void(const WorkloadHandle&, const Workload&)> call) {
  state_.With([&call](State& state) { state.on_start = std::move(call); });
}

}  // namespace slipway::runtime
