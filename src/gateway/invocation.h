// Invocation: one inference request with the memory it needs, used again for the next.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <vector>

#include "async/guarded.h"
#include "base/result.h"
#include "engine/engine_threads.h"
#include "exec/model.h"
#include "gateway/v2/infer_request.h"

namespace slipway::gateway {

class RevisionRuntime;

// Belongs to the core of its request, but while it is submitted: then the engine thread that runs
// it writes `outputs` and what Execute notes.
class Invocation final : public engine::EngineJob {
 public:
  using Clock = std::chrono::steady_clock;

  v2::InferRequest request;
  std::vector<tensor::Tensor> outputs;  // one for each of request.wanted

  // Runs on the calling thread, in the core's own session.
  Result<void> RunInline(exec::Session& session);

  // Hands itself to the engine threads of `runtime`; `done` is called once, on an engine thread or
  // (withdrawn) in Cancel. false, and no call, when the queue is full. `self` keeps it alive.
  static bool Submit(const std::shared_ptr<Invocation>& self, RevisionRuntime& runtime,
                     Clock::time_point deadline, std::function<void()> done);
  // Ends it early: it leaves the queue, or its run is interrupted. From the core, any time between
  // Submit and the resumption by `done`; again is as good as once.
  void Cancel();

  // After `done`.
  const Result<void>& result() const { return result_; }
  Clock::time_point started() const { return started_; }
  Clock::time_point ended() const { return ended_; }

  void Execute() override;
  // Keeps memory for the next request, but not too much.
  void Recycle();

 private:
  void PrepareOutputs();
  exec::Run MakeRun();
  Result<void> RunOnThread();

  RevisionRuntime* runtime_ = nullptr;
  Clock::time_point deadline_;
  std::function<void()> done_;
  std::atomic<uint32_t> cancelled_{0};
  // The session of the run under way: guarded, so that an interruption never meets the next run.
  Guarded<exec::Session*> running_{nullptr};
  Result<void> result_;
  Clock::time_point started_;
  Clock::time_point ended_;
};

}  // namespace slipway::gateway
