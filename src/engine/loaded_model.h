// LoadedModel: a model in memory, warmed up, with the sessions in which it runs.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "async/guarded.h"
#include "engine/cost_model.h"
#include "engine/on_demand_model.h"
#include "engine/plugin_host.h"
#include "exec/model.h"

namespace slipway::engine {

class LoadedModel;

// A session on loan; goes back when this is destroyed.
class SessionLease {
 public:
  SessionLease(SessionLease&&) noexcept = default;
  SessionLease& operator=(SessionLease&&) = delete;
  ~SessionLease();
  exec::Session& operator*() const { return *session_; }
  exec::Session* operator->() const { return session_.get(); }

 private:
  friend class LoadedModel;
  SessionLease(LoadedModel& owner, std::unique_ptr<exec::Session> session)
      : owner_(owner), session_(std::move(session)) {}

  LoadedModel& owner_;
  std::unique_ptr<exec::Session> session_;
};

// Thread-safe.
class LoadedModel {
 public:
  // Loads and warms up: a few runs with zeros (open dimensions are 1), from which the cost of a run
  // is learnt. A model that fails on zeros may be good with real input and counts as loaded;
  // FAILED_PRECONDITION / WARM_UP_FAILED where no input can help: there is no memory for a run, no
  // session can be opened, or the model has no inputs.
  // Blocks, for seconds with large models; the calling thread should be a nice one. CANCELLED after
  // source.stop.
  static Result<std::unique_ptr<LoadedModel>> Load(PluginHost& host, const ModelSource& source);
  // Around a model that is there already; for tests.
  explicit LoadedModel(std::unique_ptr<exec::Model> model) : model_(std::move(model)) {}

  const exec::Model& model() const { return *model_; }
  const tensor::Signature& signature() const { return model_->signature(); }
  CostModel& cost() { return cost_; }
  // What a run costs depends on more than the sizes of its inputs, as one has shown: from now on it
  // is not to be run where other work waits for its end.
  void Distrust() { trusted_.store(false, std::memory_order_relaxed); }
  bool trusted() const { return trusted_.load(std::memory_order_relaxed); }
  std::chrono::milliseconds load_time() const { return load_time_; }
  // Growth of this process while the model was loaded: an estimate when others load as well. Of a
  // model in a process of its own what that takes now.
  int64_t memory_bytes() const {
    if (!is_loaded()) return 0;
    const std::optional<exec::ProcessState> process = model_->process();
    return process ? process->memory_bytes : memory_bytes_;
  }

  // What computes; nothing: the processor.
  const std::optional<Gpu>& gpu() const { return gpu_; }
  // Growth of what is in use of that GPU while the model was loaded: an estimate when others use it
  // as well. 0 on the processor.
  int64_t gpu_memory_bytes() const { return is_loaded() ? gpu_memory_bytes_ : 0; }

  // WARM_UP_FAILED with a sentence for people, if the model counts as loaded although its warm-up
  // failed.
  const std::optional<Error>& warm_up_failure() const { return warm_up_failure_; }

  // What people should know of a model that serves; before it is shared.
  void Note(Error note) { note_ = std::move(note); }
  const std::optional<Error>& note() const { return note_; }
  // So many runs are to go on at the same time from now on.
  void ExpectRuns(size_t runs) { model_->ExpectRuns(runs); }
  // Unloads a model of a source with on_demand: the next run loads it again and waits for that.
  // false where it cannot be now, because something runs, or ever.
  bool Unload();
  bool is_loaded() const { return on_demand_ == nullptr || on_demand_->is_loaded(); }
  // Frees the memory of sessions that nobody uses, but for so many.
  void TrimSessions(size_t keep);

  // A session that nobody uses.
  Result<SessionLease> Borrow();

 private:
  friend class SessionLease;
  // The error that keeps the model from counting as loaded.
  Result<void> WarmUp(const std::stop_token& stop);

  std::unique_ptr<exec::Model> model_;
  OnDemandModel* on_demand_ = nullptr;  // model_, where it is one
  CostModel cost_;
  std::atomic<bool> trusted_{true};
  std::chrono::milliseconds load_time_{0};
  int64_t memory_bytes_ = 0;
  std::optional<Gpu> gpu_;
  int64_t gpu_memory_bytes_ = 0;
  std::optional<Error> warm_up_failure_;
  std::optional<Error> note_;
  // The last, so that sessions go before their model.
  Guarded<std::vector<std::unique_ptr<exec::Session>>> idle_;
};

// Runs in `session` and waits for the end, also where the engine completes on a thread of its own.
// A model that answers more than once is refused where run.on_part is not set: UNIMPLEMENTED /
// MODEL_DECOUPLED.
Result<void> RunAndWait(exec::Session& session, const exec::Run& run);

// Input elements of a run, the measure of CostModel.
uint64_t InputElements(std::span<const tensor::Tensor> inputs);

}  // namespace slipway::engine
