#include "gateway/ensemble/ensemble_run.h"

#include <algorithm>
#include <string>
#include <utility>

#include <boost/asio/this_coro.hpp>

#include "async/task_group.h"
#include "async/wakeup.h"
#include "gateway/core_slot.h"
#include "gateway/exchange.h"
#include "gateway/v2/signature_check.h"

namespace slipway::gateway {
namespace {

using tensor::Tensor;

// Lets `to` show what is in `from`, which stays as long.
Result<void> Show(const Tensor& from, Tensor& to) {
  if (from.type() != tensor::DataType::kBytes) {
    return to.Borrow(from.type(), from.shape(), from.data(), {});
  }
  return to.BorrowStrings(from.shape(), {from.strings().begin(), from.strings().end()}, {});
}

}  // namespace

struct EnsembleRun::Step {
  explicit Step(Lane& lane) : pin(lane) {}

  const InFlight pin;
  std::unique_ptr<EnsembleRun> ensemble;  // until the exchange has it
  std::unique_ptr<Exchange> exchange;     // from its begin to the last use of its outputs
  bool is_needed = false;
  size_t waits = 0;               // for so many inputs
  std::vector<uint32_t> answers;  // of each output of the step: its number among those wanted
};

EnsembleRun::EnsembleRun(const EnsembleBinding& binding, CoreSlot& core)
    : binding_(binding), plan_(*binding.plan), core_(core) {
  for (const EnsembleBinding::Step& bound : binding_.steps) {
    auto& step = steps_.emplace_back(std::make_unique<Step>(bound.member->lane(core.number)));
    if (bound.ensemble != nullptr) {
      step->ensemble = std::make_unique<EnsembleRun>(*bound.ensemble, core);
    }
  }
}

EnsembleRun::EnsembleRun(std::shared_ptr<const EnsembleBinding> binding, CoreSlot& core)
    : EnsembleRun(*binding, core) {
  kept_ = std::move(binding);
}

EnsembleRun::~EnsembleRun() = default;

void EnsembleRun::Begin(Invocation& whole) {
  if (std::exchange(whole_, &whole) != nullptr) return;
  uses_.resize(plan_.tensors.size());
  Need(whole.request.wanted);
  for (size_t at = 0; at < steps_.size(); ++at) {
    if (!steps_[at]->is_needed) continue;
    ++left_;
    for (const EnsembleStep::Link& link : plan_.steps[at].inputs) {
      ++uses_[link.tensor];
      steps_[at]->waits += plan_.tensors[link.tensor].step ? 1 : 0;
    }
    if (steps_[at]->waits == 0) ready_.push_back(at);
  }
}

// The steps that give the wanted outputs, and those that give what these take.
void EnsembleRun::Need(const std::vector<uint32_t>& wanted) {
  std::vector<size_t> open;
  // An output has one more use: the answer.
  for (const uint32_t output : wanted) {
    ++uses_[plan_.outputs[output]];
    open.push_back(plan_.outputs[output]);
  }
  while (!open.empty()) {
    const std::optional<size_t> at = plan_.tensors[open.back()].step;
    open.pop_back();
    if (!at || std::exchange(steps_[*at]->is_needed, true)) continue;
    for (const EnsembleStep::Link& link : plan_.steps[*at].inputs) open.push_back(link.tensor);
  }
}

const Tensor& EnsembleRun::TensorAt(size_t tensor) const {
  const EnsembleTensor& origin = plan_.tensors[tensor];
  if (!origin.step) return whole_->request.inputs[origin.position];
  const Step& step = *steps_[*origin.step];
  return step.exchange->outputs()[step.answers[origin.position]];
}

Result<void> EnsembleRun::Prepare(size_t at) {
  const EnsembleBinding::Step& bound = binding_.steps[at];
  Step& step = *steps_[at];
  const Clock::time_point now = Clock::now();
  if (step.ensemble != nullptr) step.ensemble->Observe(record_);
  step.exchange = std::make_unique<Exchange>(*bound.member, core_, now, std::move(step.ensemble));
  v2::InferRequest& request = step.exchange->request();
  const v2::ModelFace face = step.exchange->face();
  request.Clear(face.signature);
  request.priority = whole_->request.priority;
  for (size_t i = 0; i < bound.inputs.size(); ++i) {
    const Tensor& tensor = TensorAt(bound.inputs[i]);
    TRY_VOID(v2::CheckType(face, i, DataTypeName(tensor.type())));
    TRY_VOID(v2::CheckShape(face, i, tensor.shape()));
    TRY_VOID(Show(tensor, request.inputs[i]));
  }
  step.answers.resize(bound.outputs.size());
  for (size_t i = 0; i < bound.outputs.size(); ++i) {
    if (uses_[plan_.steps[at].outputs[i].tensor] == 0) continue;
    step.answers[i] = static_cast<uint32_t>(request.wanted.size());
    request.Want(bound.outputs[i], {});
  }
  step.exchange->Parsed();
  return {};
}

void EnsembleRun::Advance() {
  while (!error_ && !ready_.empty()) {
    const size_t at = ready_.back();
    ready_.pop_back();
    if (const Result<void> prepared = Prepare(at); prepared.has_error()) {
      steps_[at]->exchange->CountRefusal();
      return Fail(at, prepared.error());
    }
    const std::optional<Result<void>> ran = steps_[at]->exchange->TryInline();
    if (ran) {
      End(at, *ran);
    } else {
      slow_.push_back(at);
    }
  }
}

void EnsembleRun::Fail(size_t at, const Error& error) {
  if (error_) return;
  error_ = error.Prefixed("step[" + std::to_string(at) + "] ('" + plan_.steps[at].model + "'): ");
}

void EnsembleRun::End(size_t at, const Result<void>& ran) {
  Step& step = *steps_[at];
  if (record_ != nullptr) step.exchange->NoteStep(*record_, ran);
  if (ran.has_error()) {
    step.exchange->CountFailure(ran.error());
    return Fail(at, ran.error());
  }
  step.exchange->CountSuccess();
  --left_;
  for (const EnsembleStep::Link& link : plan_.steps[at].outputs) {
    for (const size_t reader : plan_.tensors[link.tensor].readers) {
      if (steps_[reader]->is_needed && --steps_[reader]->waits == 0) ready_.push_back(reader);
    }
  }
  for (const EnsembleStep::Link& link : plan_.steps[at].inputs) Release(link.tensor);
}

// One read less is to come; the memory of a step goes with the last.
void EnsembleRun::Release(size_t tensor) {
  --uses_[tensor];
  const std::optional<size_t> at = plan_.tensors[tensor].step;
  if (!at) return;
  const auto& outputs = plan_.steps[*at].outputs;
  const bool is_used = std::any_of(outputs.begin(), outputs.end(),
                                   [&](const auto& link) { return uses_[link.tensor] > 0; });
  if (!is_used) steps_[*at]->exchange.reset();
}

Result<void> EnsembleRun::Answer() {
  if (error_) return *error_;
  std::vector<Tensor>& outputs = whole_->outputs;
  const std::vector<uint32_t>& wanted = whole_->request.wanted;
  if (outputs.size() < wanted.size()) outputs.resize(wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) {
    TRY_VOID(Show(TensorAt(plan_.outputs[wanted[i]]), outputs[i]));
  }
  return {};
}

std::optional<Result<void>> EnsembleRun::TryInline(Invocation& whole) {
  Begin(whole);
  Advance();
  if (!is_over()) return std::nullopt;
  return Answer();
}

Task<void> EnsembleRun::RunSlow(size_t at, Wakeup& wakeup) {
  Exchange& exchange = *steps_[at]->exchange;
  exchange.LimitTime(deadline_);
  const Result<void> ran = co_await exchange.RunInTime();
  End(at, ran);
  wakeup.Notify();
}

Task<Result<void>> EnsembleRun::Run(Invocation& whole, Clock::time_point deadline) {
  deadline_ = deadline;
  Begin(whole);
  const auto executor = co_await asio::this_coro::executor;
  Wakeup wakeup(executor);
  TaskGroup running(executor);
  while (true) {
    Advance();
    if (is_over()) break;
    const std::vector<size_t> slow = std::exchange(slow_, {});
    if (slow.size() == 1 && running.size() == 0) {
      co_await RunSlow(slow.front(), wakeup);
      continue;
    }
    for (const size_t at : slow) {
      running.Start([this, at, &wakeup] { return RunSlow(at, wakeup); });
    }
    if (co_await wakeup.Wait() || is_over()) continue;
    error_ = Error(Code::kCancelled, "REQUEST_CANCELLED", "the request was cancelled");
    break;
  }
  co_await running.Stop();
  co_return Answer();
}

}  // namespace slipway::gateway
