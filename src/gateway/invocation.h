// Invocation: one inference request with the memory it needs, used again for the next.
#pragma once

#include <chrono>
#include <functional>
#include <vector>

#include "base/result.h"
#include "engine/batcher.h"
#include "exec/model.h"
#include "gateway/v2/infer_request.h"

namespace slipway::gateway {

// Belongs to the core of its request, but while it is submitted: see engine::PendingRun.
class Invocation final : public engine::PendingRun {
 public:
  using Clock = std::chrono::steady_clock;

  v2::InferRequest request;
  std::vector<tensor::Tensor> outputs;  // one for each of request.wanted

  // Runs on the calling thread, in the core's own session.
  Result<void> RunInline(exec::Session& session);

  // What Batcher::Submit is given, but for who waits and how long.
  Order MakeOrder(Clock::time_point deadline);

  // Called with each answer that is not the last, see exec::Run; until the next Recycle.
  void SetPartCall(const std::function<void()>* on_part) { on_part_ = on_part; }

  // Keeps memory for the next request, but not too much.
  void Recycle();

 private:
  void PrepareOutputs();
  exec::Run MakeRun();

  const std::function<void()>* on_part_ = nullptr;
};

}  // namespace slipway::gateway
