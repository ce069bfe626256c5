#include "gateway/invocation.h"

#include <optional>
#include <utility>

#include "gateway/limits.h"

namespace slipway::gateway {
namespace {

// For engines that complete within the call.
class InCall final : public exec::RunObserver {
 public:
  void OnResponse(bool last) override {
    ++responses_;
    ended_ = ended_ || last;
  }
  void OnError(const Error& error) override {
    error_ = error;
    ended_ = true;
  }
  Result<void> Take() {
    CHECK(ended_);
    if (error_) return *std::move(error_);
    if (responses_ == 1) [[likely]] {
      return {};
    }
    return Unimplemented("MODEL_DECOUPLED",
                         "the model answered more than once to one request, which plain inference "
                         "cannot pass on");
  }

 private:
  int responses_ = 0;
  bool ended_ = false;
  std::optional<Error> error_;  // one that says nothing would cost memory, too
};

}  // namespace

void Invocation::PrepareOutputs() {
  // Never fewer than once: the tensors keep their memory.
  if (outputs.size() < request.wanted.size()) outputs.resize(request.wanted.size());
}

exec::Run Invocation::MakeRun() {
  return {.inputs = request.inputs,
          .wanted = request.wanted,
          .outputs = std::span(outputs).first(request.wanted.size())};
}

Result<void> Invocation::RunInline(exec::Session& session) {
  PrepareOutputs();
  InCall observer;
  session.Start(MakeRun(), observer);
  return observer.Take();
}

engine::PendingRun::Order Invocation::MakeOrder(Clock::time_point deadline) {
  PrepareOutputs();
  Order order{.run = MakeRun()};
  order.run.deadline = deadline;
  order.run.on_part = on_part_;
  return order;
}

void Invocation::Recycle() {
  on_part_ = nullptr;
  request.id.reset();
  request.DropShared();
  for (tensor::Tensor& input : request.inputs) input.Recycle(kKeepBytes);
  for (tensor::Tensor& output : outputs) output.Recycle(kKeepBytes);
}

}  // namespace slipway::gateway
