#include "gateway/exchange.h"

#include <string>
#include <utility>

#include "async/completion.h"
#include "async/deadline.h"
#include "base/log.h"
#include "engine/limits.h"
#include "gateway/limits.h"

namespace slipway::gateway {
namespace {

using Clock = Exchange::Clock;

uint64_t Ns(Clock::duration duration) {
  return static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count());
}

// What a client is told whose request took all the time that the service allows.
Error RunTimeout(std::chrono::milliseconds limit) {
  const int64_t ms = limit.count();
  const std::string words =
      ms % 1000 == 0 ? std::to_string(ms / 1000) + " s" : std::to_string(ms) + " ms";
  return Error(Code::kDeadlineExceeded, "RUN_TIMEOUT",
               "the request was ended, for it took longer than the " + words +
                   " that this service allows: send less at once, or have spec.timeout of the "
                   "service (--request-timeout of a stand-alone serve) raised");
}

Failure KindOf(const Error& error) {
  if (error.reason() == "RUN_TIMEOUT") return Failure::kBackend;
  if (error.reason() == "QUEUE_FULL" || error.code() == Code::kDeadlineExceeded) {
    return Failure::kRejected;
  }
  return error.code() == Code::kCancelled ? Failure::kCanceled : Failure::kBackend;
}

}  // namespace

Exchange::Exchange(RevisionRuntime& revision, CoreSlot& core, Clock::time_point arrived)
    : revision_(revision),
      core_(core),
      lane_(revision.lane(core.number)),
      in_flight_(lane_),
      arrived_(arrived) {
  if (lane_.spare.empty()) {
    invocation_ = std::make_shared<Invocation>();
  } else {
    invocation_ = std::move(lane_.spare.back());
    lane_.spare.pop_back();
  }
}

Exchange::~Exchange() {
  invocation_->Recycle();
  if (lane_.spare.size() < kKeepInvocations) lane_.spare.push_back(std::move(invocation_));
}

std::optional<Result<void>> Exchange::TryInline() {
  engine::LoadedModel& model = revision_.model();
  const uint64_t elements = engine::InputElements(invocation_->request.inputs);
  const auto cost = model.cost().Predict(elements);
  if (!cost || *cost >= engine::kInlineCost || !core_.budget.Allows(*cost) || !model.trusted() ||
      !model.model().completes_in_call()) {
    return std::nullopt;
  }
  if (!lane_.session) {
    Result<engine::SessionLease> lease = model.Borrow();
    if (lease.has_error()) return lease.error();
    lane_.session.emplace(*std::move(lease));
  }
  started_ = parsed_;
  core_.inline_run.Begin(**lane_.session);
  Result<void> result = invocation_->RunInline(**lane_.session);
  const bool interrupted = core_.inline_run.End();
  ended_ = Clock::now();
  core_.budget.Spend(ended_ - started_);
  if (interrupted) {
    model.Distrust();
    LogWarning("a run held a core for long, the model runs on engine threads from now on",
               {{"service", revision_.project() + "/" + revision_.service()},
                {"revision", revision_.version()}});
    if (result.has_error()) return std::nullopt;
  }
  // What all cores share is written now and then only.
  constexpr uint64_t kObserveEvery = 16;
  if (lane_.counters.executions.Value() % kObserveEvery == 0 && result.has_value()) {
    model.cost().Observe(elements, ended_ - started_);
  }
  return result;
}

// Hands the run to the engine threads and waits. A cancellation (the client left, the time is over)
// ends the run early, and is still waited for: until then the memory is in use.
Task<Result<void>> Exchange::RunOnThreads(Clock::time_point deadline) {
  bool accepted = true;
  co_await AwaitDone(
      [&](std::function<void()> done) {
        accepted = Invocation::Submit(invocation_, revision_, deadline, done);
        if (!accepted) done();
      },
      [this] { invocation_->Cancel(); });
  if (!accepted) co_return Unavailable("QUEUE_FULL", "Exceeds maximum queue size");
  co_return invocation_->result();
}

Task<Result<void>> Exchange::RunInTime() {
  const std::chrono::milliseconds limit = revision_.request_timeout();
  const auto asked = invocation_->request.timeout;
  const bool is_clients = asked.has_value() && *asked < limit;
  const Clock::time_point deadline =
      arrived_ + (is_clients ? Clock::duration(*asked) : Clock::duration(limit));
  Result<void> result = co_await WithDeadline(deadline, RunOnThreads(deadline));
  started_ = invocation_->started();
  ended_ = invocation_->ended();
  if (result.has_error() && result.error().code() == Code::kDeadlineExceeded) {
    if (!is_clients) co_return RunTimeout(limit);
    co_return Error(Code::kDeadlineExceeded, "REQUEST_TIMEOUT", "Request timeout expired");
  }
  co_return result;
}

void Exchange::CountSuccess() {
  const Clock::time_point now = Clock::now();
  RequestCounters& counters = lane_.counters;
  counters.success.Add(1);
  counters.inferences.Add(1);
  counters.executions.Add(1);
  counters.request_ns.Add(Ns(now - arrived_));
  counters.compute_input_ns.Add(Ns(parsed_ - arrived_));
  counters.queue_ns.Add(Ns(started_ - parsed_));
  counters.compute_infer_ns.Add(Ns(ended_ - started_));
  counters.compute_output_ns.Add(Ns(now - ended_));
  counters.latency[HistogramBucket(Ns(now - arrived_))].Add(1);
  counters.last_ns.Set(Ns(now.time_since_epoch()));
}

void Exchange::Count(Failure failure) {
  lane_.counters.failure[static_cast<size_t>(failure)].Add(1);
  lane_.counters.failure_ns.Add(Ns(Clock::now() - arrived_));
}

void Exchange::CountFailure(const Error& error) {
  const Failure failure = KindOf(error);
  Count(failure);
  if (failure == Failure::kBackend) LogFailure(error);
}

void Exchange::LogFailure(const Error& error) {
  const Clock::time_point now = Clock::now();
  if (now - lane_.failure_logged < kFailureLogPause) return;
  lane_.failure_logged = now;
  LogError("a run failed", {{"service", revision_.project() + "/" + revision_.service()},
                            {"revision", revision_.version()},
                            {"error", error}});
}

}  // namespace slipway::gateway
