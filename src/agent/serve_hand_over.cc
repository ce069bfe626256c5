// How one data plane takes the place of another: it loads beside the one that serves, is held until
// it has what that serves, and takes its place then, or is ended again.
#include <algorithm>
#include <utility>

#include "agent/hand_over.h"
#include "agent/limits.h"
#include "agent/serve_keeper.h"
#include "async/deadline.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "runtime/site_folder.h"

namespace slipway::agent {

using std::chrono::milliseconds;

namespace {

// After its drain time serve may take so long to exit, and then so long to follow SIGTERM.
constexpr milliseconds kExitTime{1'000};
constexpr milliseconds kTermTime{500};

}  // namespace

// Until the current one is of this build.
Task<void> ServeKeeper::HandOver() {
  while (current_->build_id != options_.build_id) {
    std::string refusal = co_await TryHandOver();
    if (co_await IsCancelled()) co_return;
    if (refusal.empty() || current_->build_id == options_.build_id) break;
    LogError("the data plane of before goes on", {{"pid", pid_}, {"reason", refusal}});
    refusal_ = std::move(refusal);
    events_.changed();
    if (!co_await SleepFor(options_.hand_over_pause)) co_return;
  }
  refusal_.clear();
  events_.changed();
}

// Why the one of before goes on; empty where another one has its place.
Task<std::string> ServeKeeper::TryHandOver() {
  auto begun = co_await SpawnSuccessor();
  if (begun.has_error()) {
    co_return "The data plane of this build cannot be started beside the one of before, which "
              "serves on: " +
        begun.error().message() + ".";
  }
  const std::string id = successor_->record.handle.id;
  while (co_await SleepFor(kRetirePoll)) {
    // The one of before has ended, and this one has its place.
    if (!successor_ || successor_->record.handle.id != id) co_return std::string();
    const Result<Verdict> verdict = co_await AskSuccessor();
    if (!successor_ || successor_->record.handle.id != id) co_return std::string();
    if (verdict.has_value() && verdict->readiness == Readiness::kLoading) continue;
    if (verdict.has_value() && verdict->readiness == Readiness::kReady) {
      const Result<void> taken = co_await TakeOver(Predecessor::kRetires);
      if (taken.has_value()) co_return std::string();
      LogError("failed to write site.db", {{"error", taken.error()}});
      continue;
    }
    co_await EndSuccessor();
    const std::string serves_on = " The data plane of before (process " + std::to_string(pid_) +
                                  ") serves on; the next try is in " +
                                  std::to_string(options_.hand_over_pause.count() / 1000) +
                                  " s, or when the control centre starts anew.";
    if (verdict.has_error()) {
      co_return "The data plane of this build " + verdict.error().message() + "." + serves_on;
    }
    co_return "The data plane of this build cannot load " + events_.name_of(verdict->uid) + " (" +
        verdict->reason + ": " + verdict->message + ")." + serves_on;
  }
  co_return std::string();
}

Task<Result<void>> ServeKeeper::SpawnSuccessor() {
  const int64_t before = pid_;
  CO_TRY(handle, co_await dependencies_.pool.Run(
                     [this, before] { return SpawnNow(Predecessor::kServes, before); }));
  const auto found =
      co_await dependencies_.pool.Run([this, handle] { return dependencies_.driver.Find(handle); });
  successor_ = Successor{.record = {handle, options_.build_id, options_.arguments, endpoints()},
                         .pid = found.has_value() ? found->value_or(0) : 0};
  LogInfo("started a data plane beside the one that serves",
          {{"pid", successor_->pid}, {"serves", pid_}});
  co_return Result<void>();
}

// What it says now. UNAVAILABLE where it has ended.
Task<Result<Verdict>> ServeKeeper::AskSuccessor() {
  const runtime::WorkloadHandle handle = successor_->record.handle;
  const int64_t pid = successor_->pid;
  const uint64_t generation = generation_;
  using Said = Result<std::optional<runtime::ServingStatus>>;
  const Said said = co_await dependencies_.pool.Run([&]() -> Said {
    TRY(found, dependencies_.driver.Find(handle));
    if (!found.has_value()) {
      return Unavailable("WORKLOAD_GONE", "ended while it loaded what is served: its log says why");
    }
    auto opened =
        ServeConnection::Open(runtime::NextSocketPath(options_.folder), kFirstWordTimeout);
    if (opened.has_error()) return std::optional<runtime::ServingStatus>();
    const runtime::ServingStatus status = (*opened)->status();
    if (pid != 0 && status.pid != pid) return std::optional<runtime::ServingStatus>();
    if (status.generation < generation) (void)(*opened)->SendReload();
    return std::optional(status);
  });
  if (said.has_error()) co_return said.error();
  if (!said->has_value() || !status_.has_value()) co_return Verdict();
  co_return JudgeSuccessor(*status_, **said);
}

Task<Result<void>> ServeKeeper::TakeOver(Predecessor predecessor) {
  const ServeRecord before = *current_;
  const Successor next = *std::exchange(successor_, std::nullopt);
  is_taking_over_ = true;
  // First the record: whoever finds it after a crash tells the successor again.
  const auto recorded = co_await dependencies_.pool.Run([this, &before, &next, predecessor] {
    return dependencies_.records.Update([&](SiteRecord& record) {
      if (predecessor == Predecessor::kRetires) record.retiring.push_back(before);
      record.current = next.record;
      record.next.reset();
    });
  });
  is_taking_over_ = false;
  if (recorded.has_error()) {
    successor_ = next;
    co_return recorded.error();
  }
  CRASH_POINT("agent.serve_next_recorded");
  std::shared_ptr<ServeConnection> connection = connection_;
  Current(next.record, next.pid, nullptr);
  renew_ = true;  // it may have missed a certificate
  const auto told = co_await dependencies_.pool.Run([this]() -> Result<void> {
    TRY(opened, ServeConnection::Open(runtime::NextSocketPath(options_.folder), kFirstWordTimeout));
    return opened->SendListen();
  });
  // One that has seen the end of the one before needs no telling.
  if (told.has_error()) LogInfo("the successor was not told", {{"reason", told.error()}});
  if (predecessor == Predecessor::kRetires) StartRetiring(before, connection);
  LogInfo("another data plane serves", {{"pid", next.pid}});
  co_return Result<void>();
}

Task<void> ServeKeeper::EndSuccessor() {
  const runtime::WorkloadHandle handle = successor_->record.handle;
  successor_.reset();
  co_await EndNext(handle);
}

// Nobody's requests are with it.
Task<void> ServeKeeper::EndNext(runtime::WorkloadHandle handle) {
  const auto ended = co_await dependencies_.pool.Run([this, handle]() -> Result<void> {
    TRY_VOID(dependencies_.driver.Stop(handle, milliseconds(0)));
    return dependencies_.records.Update([](SiteRecord& record) { record.next.reset(); });
  });
  if (ended.has_error()) LogError("failed to end a data plane", {{"error", ended.error()}});
}

bool ServeKeeper::IsSettled() const {
  if (!answers() || !status_.has_value() || status_->generation < generation_) return false;
  if (status_->held) return false;
  return std::none_of(status_->revisions.begin(), status_->revisions.end(),
                      [](const auto& one) { return one.phase == runtime::kPhaseLoading; });
}

void ServeKeeper::StartRetiring(const ServeRecord& record,
                                std::shared_ptr<ServeConnection> connection) {
  ++predecessors_;
  group_.Start(
      [this, record, connection = std::move(connection)] { return Retire(record, connection); });
}

// Ends a predecessor once the current one has taken over.
Task<void> ServeKeeper::Retire(ServeRecord record, std::shared_ptr<ServeConnection> connection) {
  while (!IsSettled()) {
    if (!co_await SleepFor(kRetirePoll)) co_return;
  }
  CRASH_POINT("agent.serve_settled");
  co_await End(record, connection);
  --predecessors_;
  events_.changed();
  auto forgotten = co_await dependencies_.pool.Run([this, record] {
    return dependencies_.records.Update([&record](SiteRecord& site) {
      std::erase_if(site.retiring, [&record](const ServeRecord& old) {
        return old.handle.id == record.handle.id;
      });
    });
  });
  if (forgotten.has_error()) LogError("failed to write site.db", {{"error", forgotten.error()}});
}

Task<void> ServeKeeper::End(ServeRecord record, std::shared_ptr<ServeConnection> connection) {
  if (connection != nullptr) {
    auto sent = co_await dependencies_.pool.Run(
        [this, connection] { return connection->SendStop(options_.drain); });
    if (sent.has_value()) {
      auto deadline = std::chrono::steady_clock::now() + options_.drain + kExitTime;
      (void)co_await WithDeadline(deadline, dependencies_.driver.WaitExit(record.handle));
    }
  }
  // Without a channel SIGTERM is what asks it to drain.
  milliseconds grace = connection == nullptr ? options_.drain + kExitTime : kTermTime;
  auto ended = co_await dependencies_.pool.Run(
      [this, record, grace] { return dependencies_.driver.Stop(record.handle, grace); });
  if (ended.has_error()) LogError("failed to end the data plane", {{"error", ended.error()}});
}

}  // namespace slipway::agent
