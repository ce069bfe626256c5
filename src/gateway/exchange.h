// Exchange: one inference from the choice of its revision to its answer, whatever the protocol.
//
//   Exchange exchange(revision, core, arrived);
//   ... read the request into exchange.request() ...
//   exchange.Parsed();
//   Result<void> result = exchange.TryInline().value_or(...) or co_await exchange.RunInTime();
//   ... write exchange.outputs(), then CountSuccess(); or CountFailure(error, kind)
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "async/task.h"
#include "base/result.h"
#include "gateway/call_limiter.h"
#include "gateway/core_slot.h"
#include "gateway/invocation.h"
#include "gateway/revision_runtime.h"
#include "gateway/telemetry/request_record.h"
#include "gateway/traffic_plan.h"

namespace slipway::gateway {

class EnsembleRun;

// Counted in at its revision for its lifetime, with memory on loan from the core's lane. Used on
// the thread of its core.
class Exchange {
 public:
  using Clock = std::chrono::steady_clock;

  Exchange(RevisionRuntime& revision, CoreSlot& core, Clock::time_point arrived);
  // With its run, where the revision is an ensemble: it was begun with another snapshot.
  Exchange(RevisionRuntime& revision, CoreSlot& core, Clock::time_point arrived,
           std::unique_ptr<EnsembleRun> ensemble);
  // With the shadow that sees the request when it has succeeded.
  Exchange(Choice choice, CoreSlot& core, Clock::time_point arrived);
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // Notes what it does in the record of its request, which outlives it; nullptr: there is none.
  void Observe(RequestRecord* record);
  RequestRecord* record() const { return record_; }
  // Notes itself in the record of the ensemble's request whose step it is, if it is not full.
  void NoteStep(RequestRecord& record, const Result<void>& ran) const;
  // Of its caller, given back with the exchange.
  void Keep(CallPermit permit) { permit_ = std::move(permit); }

  const RevisionRuntime& revision() const { return revision_; }
  v2::ModelFace face() const {
    return {.name = revision_.service(), .signature = revision_.model().signature()};
  }
  v2::InferRequest& request() { return invocation_->request; }
  // One for each of request().wanted, once the run has ended well.
  std::span<const tensor::Tensor> outputs() const {
    return std::span(std::as_const(invocation_->outputs)).first(invocation_->request.wanted.size());
  }

  // For who takes them, together with the inputs, after CountSuccess.
  std::span<tensor::Tensor> MutableOutputs() {
    return std::span(invocation_->outputs).first(invocation_->request.wanted.size());
  }
  // Somebody will: a shadow, which gets the request at CountSuccess.
  bool has_shadow() const { return shadow_ != nullptr; }
  CoreSlot& core() const { return core_; }

  // The request is complete.
  void Parsed() { parsed_ = Clock::now(); }
  // The caller waits until then only.
  void LimitTime(Clock::time_point deadline);
  // Runs here and now if that is cheap enough; nothing if it is not, or has not been. Refuses what
  // cannot be part of a batch where requests share runs: INVALID_ARGUMENT / BATCH_TOO_LARGE,
  // BATCH_MISMATCH.
  std::optional<Result<void>> TryInline();
  // The run may have several answers, for each of which but the last `on_part` is called, see
  // exec::Run: it lives until the run is over. Such a run is not to be tried inline.
  void AnswerInParts(const std::function<void()>& on_part) {
    invocation_->SetPartCall(&on_part);
    in_parts_ = true;
  }
  // Runs on the engine threads, within the time that the request and its service allow:
  // UNAVAILABLE / QUEUE_FULL, QUEUE_TIMEOUT, DEADLINE_EXCEEDED / RUN_TIMEOUT where the service's is
  // over and REQUEST_TIMEOUT where the client's is, CANCELLED, and what the engine says.
  Task<Result<void>> RunInTime();
  // Ends RunInTime early, if it is under way: CANCELLED.
  void Cancel();

  // The answer is written: inputs and outputs are not used any more.
  void CountSuccess();
  // Before so much of an answer is written. RESOURCE_EXHAUSTED / BODIES_TOO_MANY.
  Result<void> HoldAnswer(uint64_t bytes) { return memory_.Take(bytes); }
  // Of a fault before the run. What a run said is counted by its kind, and logged where it is the
  // model's fault.
  void CountRefusal() { Count(Failure::kOther); }
  void CountFailure(const Error& error);

 private:
  // For what the run will give, as far as that is known, and for a batch of its inputs.
  Result<void> HoldRun();
  // For what it gave.
  Result<void> HoldOutputs();
  // Sets rows_.
  Result<void> CountRows();
  Result<void> RunHere(exec::Session& session);
  void CountInlineRun();
  // The same as TryInline and RunOnThreads, and the end of both, for an ensemble.
  std::optional<Result<void>> TryEnsemble();
  Task<Result<void>> RunEnsemble(Clock::time_point deadline);
  Result<void> EndEnsemble(const Result<void>& ran);
  // The deadline of the client's, if it is before that of the service; and the end of its wait.
  std::optional<Clock::time_point> ClientDeadline() const;
  Clock::time_point EndOfWait() const;
  Task<Result<void>> RunOnThreads(Clock::time_point deadline);
  void Count(Failure failure);
  void LogFailure(const Error& error);
  void NoteRun();

  RevisionRuntime& revision_;
  CoreSlot& core_;
  Lane& lane_;
  const InFlight in_flight_;
  const Clock::time_point arrived_;
  bool in_parts_ = false;
  Clock::time_point parsed_;
  Clock::time_point started_;
  Clock::time_point ended_;
  std::shared_ptr<Invocation> invocation_;
  std::unique_ptr<EnsembleRun> ensemble_;
  MemoryHold memory_;
  uint64_t output_bytes_ = 0;  // held for outputs
  uint64_t rows_ = 0;          // of a batch; 0: the model has none
  std::unique_ptr<ShadowTicket> shadow_;
  RequestRecord* record_ = nullptr;
  CallPermit permit_;
};

}  // namespace slipway::gateway
