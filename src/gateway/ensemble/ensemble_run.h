// EnsembleRun: one request on its way through the steps of an ensemble.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "async/task.h"
#include "base/result.h"
#include "gateway/ensemble/ensemble_binding.h"
#include "gateway/invocation.h"
#include "gateway/revision_runtime.h"

namespace slipway {
class Wakeup;
}

namespace slipway::gateway {

struct CoreSlot;
struct RequestRecord;
class Exchange;

// A step begins when all its inputs are there; those that are ready at the same time run at the
// same time, each as an Exchange of its own with its model: inline where that is cheap, else with
// the batching, the queue and the counters of that model. Steps that nobody wants the outputs of
// are left out. Tensors are shown from step to step, not copied, and go when their last reader has
// run. The first error ends the others and is the answer, with the step in front.
//
// Counted in at all members from its begin, so that one request sees one snapshot of them. Used on
// the thread of its core; destroyed when nothing runs.
class EnsembleRun {
 public:
  using Clock = std::chrono::steady_clock;

  // In the turn in which its revision was chosen. `binding` outlives it.
  EnsembleRun(const EnsembleBinding& binding, CoreSlot& core);
  // The same, and keeps the binding.
  EnsembleRun(std::shared_ptr<const EnsembleBinding> binding, CoreSlot& core);
  ~EnsembleRun();
  EnsembleRun(const EnsembleRun&) = delete;
  EnsembleRun& operator=(const EnsembleRun&) = delete;

  // Steps are noted there; nullptr: nobody wants to know.
  void Observe(RequestRecord* record) { record_ = record; }

  // Runs what is cheap enough, here and now; the answer if that was all. The invocation stays until
  // this goes; its outputs show what the steps gave.
  std::optional<Result<void>> TryInline(Invocation& whole);
  // Runs the rest, or all. Errors: those of the steps, CANCELLED.
  Task<Result<void>> Run(Invocation& whole, Clock::time_point deadline);

 private:
  struct Step;

  void Begin(Invocation& whole);
  void Need(const std::vector<uint32_t>& wanted);
  // Begins what is ready: what is not cheap remains in `slow_`.
  void Advance();
  Result<void> Prepare(size_t at);
  Task<void> RunSlow(size_t at, Wakeup& wakeup);
  void End(size_t at, const Result<void>& ran);
  void Release(size_t tensor);
  void Fail(size_t at, const Error& error);
  const tensor::Tensor& TensorAt(size_t tensor) const;
  bool is_over() const { return error_.has_value() || left_ == 0; }
  Result<void> Answer();

  std::shared_ptr<const EnsembleBinding> kept_;
  const EnsembleBinding& binding_;
  const EnsemblePlan& plan_;
  CoreSlot& core_;
  RequestRecord* record_ = nullptr;
  Invocation* whole_ = nullptr;
  Clock::time_point deadline_ = Clock::time_point::max();
  std::vector<std::unique_ptr<Step>> steps_;
  std::vector<size_t> uses_;  // of each tensor: reads that are to come
  std::vector<size_t> ready_;
  std::vector<size_t> slow_;
  size_t left_ = 0;  // steps that have not ended
  std::optional<Error> error_;
};

}  // namespace slipway::gateway
