// OnDemandModel: a model that may be out of memory, and is loaded again for the next run.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/result.h"
#include "exec/model.h"

namespace slipway::engine {

// Shows the signature and the platform of the model at all times. Thread-safe.
class OnDemandModel final : public exec::Model {
 public:
  // Gives the same model again and again; called on a thread of its own, by one at a time.
  using Loader = std::function<Result<std::unique_ptr<exec::Model>>()>;

  OnDemandModel(std::unique_ptr<exec::Model> model, Loader load);
  // Waits for a load that is under way.
  ~OnDemandModel() override;

  // Unloads; sessions that nobody uses go before. false where a run or a load is under way.
  bool Unload();
  bool is_loaded() const;

  const tensor::Signature& signature() const override { return signature_; }
  std::string_view platform() const override { return platform_; }
  // A run may have to wait for the model: nothing else is to wait for it.
  bool completes_in_call() const override { return false; }
  bool decoupled() const override { return decoupled_; }
  Result<std::unique_ptr<exec::Session>> OpenSession() override;
  // Nothing while it is not loaded.
  std::optional<exec::ProcessState> process() const override;
  void ExpectRuns(size_t runs) override;

 private:
  friend class OnDemandSession;
  using Clock = std::chrono::steady_clock;

  // The model for one run, which ends with Leave: loads it where it is not there. The load goes on
  // when `run` has no more time or nobody waits for it: DEADLINE_EXCEEDED, CANCELLED. Errors of
  // the load; UNAVAILABLE / MODEL_CHANGED where another model came back.
  Result<std::shared_ptr<exec::Model>> Enter(const exec::Run& run);
  void Leave();
  void Load();

  const Loader load_;
  const tensor::Signature signature_;
  const std::string platform_;
  const bool decoupled_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<exec::Model> model_;
  size_t runs_ = 0;           // under way
  size_t expected_runs_ = 0;  // 0: nobody said
  bool loading_ = false;
  std::optional<Error> failure_;  // of the last load
  std::thread loader_;
};

}  // namespace slipway::engine
