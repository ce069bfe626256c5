#include "gateway/exchange.h"

#include <algorithm>
#include <string>
#include <utility>

#include "async/completion.h"
#include "async/deadline.h"
#include "base/log.h"
#include "engine/inline_rule.h"
#include "engine/limits.h"
#include "gateway/ensemble/ensemble_run.h"
#include "gateway/limits.h"
#include "gateway/shadow.h"

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

Error MembersGone() {
  return Unavailable("ENSEMBLE_MEMBER", "the models of the ensemble are being changed: try again");
}

Failure KindOf(const Error& error) {
  if (error.reason() == "RUN_TIMEOUT") return Failure::kBackend;
  if (error.reason() == "QUEUE_FULL" || error.reason() == "QUEUE_TIMEOUT" ||
      error.reason() == "BODIES_TOO_MANY" || error.code() == Code::kDeadlineExceeded) {
    return Failure::kRejected;
  }
  if (error.reason() == "BATCH_TOO_LARGE" || error.reason() == "BATCH_MISMATCH") {
    return Failure::kOther;
  }
  return error.code() == Code::kCancelled ? Failure::kCanceled : Failure::kBackend;
}

}  // namespace

Exchange::Exchange(RevisionRuntime& revision, CoreSlot& core, Clock::time_point arrived)
    : Exchange(revision, core, arrived, nullptr) {
  if (revision.ensemble() == nullptr) [[likely]] {
    return;
  }
  auto binding = core.snapshot->EnsembleOf(revision, core.number);
  if (binding != nullptr) ensemble_ = std::make_unique<EnsembleRun>(std::move(binding), core);
}

Exchange::Exchange(RevisionRuntime& revision, CoreSlot& core, Clock::time_point arrived,
                   std::unique_ptr<EnsembleRun> ensemble)
    : revision_(revision),
      core_(core),
      lane_(revision.lane(core.number)),
      in_flight_(lane_),
      arrived_(arrived),
      ensemble_(std::move(ensemble)),
      memory_(core.memory) {
  if (lane_.spare.empty()) {
    invocation_ = std::make_shared<Invocation>();
  } else {
    invocation_ = std::move(lane_.spare.back());
    lane_.spare.pop_back();
  }
  invocation_->request.memory = &memory_;
}

Exchange::Exchange(Choice choice, CoreSlot& core, Clock::time_point arrived)
    : Exchange(*choice.revision, core, arrived) {
  shadow_ = std::move(choice.shadow);
}

Exchange::~Exchange() {
  invocation_->Recycle();
  invocation_->request.memory = nullptr;
  if (lane_.spare.size() < kKeepInvocations) lane_.spare.push_back(std::move(invocation_));
}

void Exchange::Observe(RequestRecord* record) {
  record_ = record;
  if (record == nullptr) [[likely]] {
    return;
  }
  record->service = revision_.project() + "/" + revision_.service();
  record->revision = revision_.version();
  // As the phases, they are those of the last.
  record->steps.clear();
}

std::optional<Result<void>> Exchange::TryInline() {
  if (revision_.ensemble() != nullptr) [[unlikely]] {
    return TryEnsemble();
  }
  if (Result<void> rows = CountRows(); rows.has_error()) return rows;
  if (Result<void> held = HoldRun(); held.has_error()) return held;
  engine::LoadedModel& model = revision_.model();
  const uint64_t elements = engine::InputElements(invocation_->request.inputs);
  const engine::Batcher& batcher = revision_.batcher();
  if (!engine::RunsInline({.predicted = model.cost().Predict(elements),
                           .budget_left = core_.budget.left(),
                           .completes_in_call = model.model().completes_in_call(),
                           .trusted = model.trusted(),
                           .shares_runs = batcher.MayShare(),
                           .waiting = batcher.waiting()})) {
    return std::nullopt;
  }
  if (!lane_.session) {
    Result<engine::SessionLease> lease = model.Borrow();
    if (lease.has_error()) return lease.error();
    lane_.session.emplace(*std::move(lease));
  }
  Result<void> result = RunHere(**lane_.session);
  // A run that was ended because it held the core has its place on the engine threads.
  if (!model.trusted() && result.has_error()) return std::nullopt;
  // What all cores share is written now and then only.
  constexpr uint64_t kObserveEvery = 16;
  if (lane_.counters.executions.Value() % kObserveEvery == 0 && result.has_value()) {
    model.cost().Observe(elements, ended_ - started_);
  }
  if (result.has_error()) return result;
  CountInlineRun();
  return HoldOutputs();
}

void Exchange::LimitTime(Clock::time_point deadline) {
  if (deadline == Clock::time_point::max()) return;
  const auto left = std::chrono::duration_cast<std::chrono::microseconds>(deadline - arrived_);
  request().time_left = std::max(left, std::chrono::microseconds(0));
}

std::optional<Result<void>> Exchange::TryEnsemble() {
  if (ensemble_ == nullptr) return MembersGone();
  if (Result<void> rows = CountRows(); rows.has_error()) return rows;
  if (record_ != nullptr) ensemble_->Observe(record_);
  const std::optional<Result<void>> ran = ensemble_->TryInline(*invocation_);
  if (!ran) return std::nullopt;
  return EndEnsemble(*ran);
}

Task<Result<void>> Exchange::RunEnsemble(Clock::time_point deadline) {
  if (ensemble_ == nullptr) co_return MembersGone();
  if (record_ != nullptr) ensemble_->Observe(record_);
  co_return EndEnsemble(co_await ensemble_->Run(*invocation_, deadline));
}

// What the steps gave is held by their own exchanges.
Result<void> Exchange::EndEnsemble(const Result<void>& ran) {
  started_ = parsed_;
  ended_ = Clock::now();
  if (ran.has_error()) {
    return ran.error().Prefixed("in ensemble '" + revision_.service() + "', ");
  }
  CountInlineRun();
  return {};
}

Result<void> Exchange::HoldRun() {
  const v2::InferRequest& request = invocation_->request;
  uint64_t input_bytes = 0;
  for (const tensor::Tensor& input : request.inputs) input_bytes += input.size_bytes();
  // Small ones are not worth the look ahead: what they give is counted when it is there.
  if (input_bytes < kUncountedBytes / 4) return {};
  if (rows_ > 0) TRY_VOID(memory_.Take(input_bytes));
  const tensor::Signature& signature = face().signature;
  for (const uint32_t index : request.wanted) {
    const tensor::DataType type = signature.outputs[index].type;
    const auto shape = tensor::PredictOutputShape(signature, index, request.inputs);
    if (!shape || type == tensor::DataType::kBytes) continue;
    const Result<uint64_t> count = shape->ElementCount();
    if (count.has_error()) continue;
    TRY_VOID(memory_.Take(*count * ElementSize(type)));
    output_bytes_ += *count * ElementSize(type);
  }
  return {};
}

Result<void> Exchange::HoldOutputs() {
  uint64_t bytes = 0;
  for (const tensor::Tensor& output : outputs()) {
    bytes += output.size_bytes();
    for (const std::string_view text : output.strings()) bytes += text.size() + kStringBytes;
  }
  if (bytes <= output_bytes_) return {};
  const uint64_t more = bytes - std::exchange(output_bytes_, bytes);
  return memory_.Take(more);
}

Result<void> Exchange::CountRows() {
  const engine::Batcher& batcher = revision_.batcher();
  const EnsemblePlan* const ensemble = revision_.ensemble();
  const uint64_t most = ensemble == nullptr ? batcher.max_rows() : ensemble->max_batch_size;
  rows_ = 0;
  const bool has_rows = ensemble == nullptr ? most > 1 && batcher.MayShare() : most > 0;
  if (!has_rows) return {};
  TRY(rows, engine::RowsOf(face().signature, invocation_->request.inputs));
  rows_ = rows;
  if (rows <= most) return {};
  return InvalidArgument("BATCH_TOO_LARGE",
                         "inference request batch-size must be <= " + std::to_string(most) +
                             " for '" + revision_.service() + "', got " + std::to_string(rows) +
                             ": send fewer rows at once, or have " +
                             (ensemble == nullptr ? "batching.maxBatchSize" : "max_batch_size") +
                             " raised");
}

Result<void> Exchange::RunHere(exec::Session& session) {
  started_ = parsed_;
  core_.inline_run.Begin(session);
  Result<void> result = invocation_->RunInline(session);
  const bool interrupted = core_.inline_run.End();
  ended_ = Clock::now();
  core_.budget.Spend(ended_ - started_);
  if (!interrupted) return result;
  revision_.model().Distrust();
  LogWarning("a run held a core for long, the model runs on engine threads from now on",
             {{"service", revision_.project() + "/" + revision_.service()},
              {"revision", revision_.version()}});
  return result;
}

void Exchange::CountInlineRun() {
  lane_.counters.executions.Add(1);
  if (rows_ <= 1) return lane_.counters.execution_ns.Add(Ns(ended_ - started_));
  lane_.batches.With([&](engine::BatchStats& batches) {
    engine::BatchStat& stat = batches[rows_];
    ++stat.runs;
    stat.infer_ns += Ns(ended_ - started_);
  });
}

// Hands the run to the engine threads and waits. A cancellation (the client left, the time is over)
// ends the run early, and is still waited for: until then the memory is in use.
Task<Result<void>> Exchange::RunOnThreads(Clock::time_point deadline) {
  bool accepted = true;
  co_await AwaitDone(
      [&](std::function<void()> done) {
        engine::PendingRun::Order order = invocation_->MakeOrder(deadline);
        order.rows = in_parts_ ? 0 : rows_;
        order.level = revision_.LevelOf(invocation_->request.priority);
        order.expires = EndOfWait();
        order.done = done;
        accepted = revision_.batcher().Submit(invocation_, std::move(order));
        if (!accepted) done();
      },
      [this] { revision_.batcher().Cancel(*invocation_); });
  if (!accepted) co_return Unavailable("QUEUE_FULL", "Exceeds maximum queue size");
  co_return invocation_->result();
}

void Exchange::Cancel() {
  revision_.batcher().Cancel(*invocation_);
}

Task<Result<void>> Exchange::RunInTime() {
  const std::chrono::milliseconds limit = revision_.request_timeout();
  const std::optional<Clock::time_point> clients = ClientDeadline();
  const bool is_clients = clients.has_value() && *clients < arrived_ + limit;
  const Clock::time_point deadline = is_clients ? *clients : arrived_ + limit;
  const bool is_ensemble = revision_.ensemble() != nullptr;
  Result<void> result =
      co_await WithDeadline(deadline, is_ensemble ? RunEnsemble(deadline) : RunOnThreads(deadline));
  if (!is_ensemble) {
    started_ = invocation_->started();
    ended_ = invocation_->ended();
  }
  if (result.has_error() && result.error().code() == Code::kDeadlineExceeded) {
    if (!is_clients) co_return RunTimeout(limit);
    co_return Error(Code::kDeadlineExceeded, "REQUEST_TIMEOUT", "Request timeout expired");
  }
  if (result.has_value() && !is_ensemble) co_return HoldOutputs();
  co_return result;
}

std::optional<Exchange::Clock::time_point> Exchange::ClientDeadline() const {
  const v2::InferRequest& request = invocation_->request;
  const runtime::BatchingSettings& batching = revision_.batching();
  std::optional<std::chrono::microseconds> time = request.time_left;
  // Where a late request is only to wait on, its parameter says when it is late.
  const bool ends_it = batching.allow_timeout_override && batching.timeout_action != "delay";
  if (request.timeout && ends_it)
    time = std::min(*request.timeout, time.value_or(*request.timeout));
  if (!time) return std::nullopt;
  return arrived_ + *time;
}

Exchange::Clock::time_point Exchange::EndOfWait() const {
  const runtime::BatchingSettings& batching = revision_.batching();
  Clock::time_point end = Clock::time_point::max();
  if (batching.queue_timeout_us > 0) {
    end = parsed_ + std::chrono::microseconds(batching.queue_timeout_us);
  }
  const auto asked = invocation_->request.timeout;
  if (asked && batching.allow_timeout_override && batching.timeout_action == "delay") {
    end = std::min(end, parsed_ + *asked);
  }
  return end;
}

void Exchange::CountSuccess() {
  const Clock::time_point now = Clock::now();
  RequestCounters& counters = lane_.counters;
  counters.success.Add(1);
  counters.inferences.Add(std::max<uint64_t>(rows_, 1));
  counters.request_ns.Add(Ns(now - arrived_));
  counters.compute_input_ns.Add(Ns(parsed_ - arrived_));
  const uint64_t queue_ns = Ns(started_ - parsed_);
  const uint64_t compute_ns = Ns(ended_ - started_);
  counters.queue_ns.Add(queue_ns);
  counters.compute_infer_ns.Add(compute_ns);
  counters.compute_output_ns.Add(Ns(now - ended_));
  counters.latency[HistogramBucket(Ns(now - arrived_))].Add(1);
  counters.queue[HistogramBucket(queue_ns)].Add(1);
  counters.compute[HistogramBucket(compute_ns)].Add(1);
  counters.last_ns.Set(Ns(now.time_since_epoch()));
  if (record_ != nullptr) [[unlikely]] {
    NoteRun();
  }
  if (shadow_) [[unlikely]] {
    Shadows& shadows = shadow_->shadows;
    shadows.Start(std::move(shadow_), *this);
  }
}

void Exchange::Count(Failure failure) {
  lane_.counters.failure[static_cast<size_t>(failure)].Add(1);
  lane_.counters.failure_ns.Add(Ns(Clock::now() - arrived_));
  if (record_ != nullptr) NoteRun();
}

// Of a request that did not come so far, the later times are zero.
void Exchange::NoteRun() {
  RequestRecord& record = *record_;
  ++record.inferences;
  record.rows = rows_;
  record.parsed = parsed_;
  record.started = started_;
  record.ended = ended_;
  if (started_ >= parsed_) record.queue += started_ - parsed_;
  if (ended_ >= started_) record.compute += ended_ - started_;
}

void Exchange::NoteStep(RequestRecord& record, const Result<void>& ran) const {
  if (record.steps.size() >= kMaxEnsembleRuns) return;
  record.steps.push_back({.service = revision_.project() + "/" + revision_.service(),
                          .revision = revision_.version(),
                          .parsed = parsed_,
                          .started = started_,
                          .ended = ran.has_value() ? ended_ : Clock::now(),
                          .rows = rows_,
                          .reason = ran.has_value() ? "" : std::string(ran.error().reason())});
}

void Exchange::CountFailure(const Error& error) {
  const Failure failure = KindOf(error);
  Count(failure);
  if (record_ != nullptr) record_->reason = error.reason();
  if (failure == Failure::kBackend) LogFailure(error);
}

void Exchange::LogFailure(const Error& error) {
  const Clock::time_point now = Clock::now();
  if (now - lane_.failure_logged < kFailureLogPause) return;
  lane_.failure_logged = now;
  const std::string service = revision_.project() + "/" + revision_.service();
  if (record_ != nullptr) {
    return LogError("a run failed", {{"service", service},
                                     {"revision", revision_.version()},
                                     {"trace_id", HexOf(record_->trace.trace_id)},
                                     {"error", error}});
  }
  LogError("a run failed",
           {{"service", service}, {"revision", revision_.version()}, {"error", error}});
}

}  // namespace slipway::gateway
