#include "gateway/invocation.h"

#include <utility>

#include "gateway/limits.h"
#include "gateway/revision_runtime.h"

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
    failed_ = ended_ = true;
  }
  Result<void> Take() {
    CHECK(ended_);
    if (failed_) return std::move(error_);
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
  bool failed_ = false;
  Error error_;
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

bool Invocation::Submit(const std::shared_ptr<Invocation>& self, RevisionRuntime& runtime,
                        Clock::time_point deadline, std::function<void()> done) {
  self->PrepareOutputs();
  self->runtime_ = &runtime;
  self->deadline_ = deadline;
  self->done_ = std::move(done);
  self->cancelled_ = 0;
  self->result_ = {};
  self->started_ = self->ended_ = Clock::time_point();
  return runtime.threads().Submit(runtime.queue(), self);
}

void Invocation::Cancel() {
  cancelled_ = 1;
  if (runtime_->threads().Withdraw(runtime_->queue(), this)) {
    result_ = Error(Code::kCancelled, "REQUEST_CANCELLED", "the request was cancelled");
    started_ = ended_ = Clock::now();
    return done_();
  }
  running_.With([](exec::Session* session) {
    if (session != nullptr) session->Interrupt();
  });
}

void Invocation::Execute() {
  started_ = Clock::now();
  result_ = RunOnThread();
  ended_ = Clock::now();
  // The last thing: afterwards the core may use this object again.
  std::exchange(done_, nullptr)();
}

Result<void> Invocation::RunOnThread() {
  if (started_ > deadline_) {
    return Error(Code::kDeadlineExceeded, "REQUEST_TIMEOUT", "Request timeout expired");
  }
  TRY(lease, runtime_->model().Borrow());
  exec::Run run = MakeRun();
  run.deadline = deadline_;
  run.cancelled = &cancelled_;
  running_.With([&](exec::Session*& session) { session = &*lease; });
  Result<void> result = engine::RunAndWait(*lease, run);
  running_.With([](exec::Session*& session) { session = nullptr; });
  if (result.has_value()) {
    runtime_->model().cost().Observe(engine::InputElements(request.inputs),
                                     Clock::now() - started_);
  }
  return result;
}

void Invocation::Recycle() {
  request.id.reset();
  for (tensor::Tensor& input : request.inputs) input.Recycle(kKeepBytes);
  for (tensor::Tensor& output : outputs) output.Recycle(kKeepBytes);
}

}  // namespace slipway::gateway
