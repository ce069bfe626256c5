// RevisionRuntime: what lives as long as a revision does, from its load to its last answer.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/guarded.h"
#include "base/clock.h"
#include "engine/batcher.h"
#include "engine/engine_threads.h"
#include "engine/loaded_model.h"
#include "gateway/instance_scaler.h"
#include "gateway/lane.h"
#include "runtime/serving_config.h"

namespace slipway::gateway {

struct EnsemblePlan;

// The model, its waiting line and its counters. Configurations come and go, this stays: a change of
// weights rebuilds nothing. Made before the model is loaded; SetModel happens before any request
// can find it. Destroyed when no core can find it any more and IsIdle.
class RevisionRuntime {
 public:
  struct Environment {
    size_t cores;
    engine::EngineThreads& threads;
    size_t max_queued_runs;
    // Unload is to be possible: a run may wait for the model.
    bool on_demand = false;
    // remark() is another one. Called on an engine thread; may be empty.
    std::function<void()> remarked;
  };
  RevisionRuntime(std::string project, std::string service, runtime::ServingRevision settings,
                  const Environment& environment);
  ~RevisionRuntime();

  const std::string& project() const { return project_; }
  const std::string& service() const { return service_; }
  const runtime::ServingRevision& settings() const { return settings_; }
  // The number of the revision as V2 clients see it.
  const std::string& version() const { return version_; }

  // FAILED_PRECONDITION / BATCHING_UNSUPPORTED where requests are to share runs and cannot.
  Result<void> SetModel(std::unique_ptr<engine::LoadedModel> model);
  bool has_model() const { return model_ != nullptr; }
  engine::LoadedModel& model() const { return *model_; }
  // Its program gets requests as they are, and no tensors.
  bool speaks_http() const { return speaks_http_; }
  // What clients may know of what it takes and gives: nothing of a program that speaks HTTP.
  const tensor::Signature& shown_signature() const;
  // nullptr: the model is none.
  const EnsemblePlan* ensemble() const { return ensemble_; }

  // Of one request, as its service says now. Any thread.
  std::chrono::milliseconds request_timeout() const {
    return std::chrono::milliseconds(timeout_ms_.load(std::memory_order_relaxed));
  }
  void SetRequestTimeout(int64_t ms) { timeout_ms_.store(ms, std::memory_order_relaxed); }

  // Its service is measured: the agent is told what it counts. Any thread.
  bool is_measured() const { return measured_.load(std::memory_order_relaxed); }
  void SetMeasured(bool measured) { measured_.store(measured, std::memory_order_relaxed); }
  // When its counters began, of the wall clock.
  int64_t since_ms() const { return since_ms_; }

  Lane& lane(size_t core) { return lanes_[core]; }
  const std::vector<Lane>& lanes() const { return lanes_; }
  engine::Batcher& batcher() { return batcher_; }
  const engine::Batcher& batcher() const { return batcher_; }
  // Runs that there may be at the same time; 0: as settings() say. Of the reconciler's thread.
  void SetInstances(size_t instances);
  // Takes the model out of memory, if nothing runs: the next request brings it back. Of the
  // reconciler's thread.
  void Unload() { model_->Unload(); }
  // Runs that there may be at the same time; 0: the model is out of memory. Once there is a model.
  size_t instances() const { return model_->is_loaded() ? batcher_.width() : 0; }
  bool on_demand() const { return on_demand_; }
  // What its instances are scaled by.
  ScalingSample Sample() const;
  // How requests wait, as settings() says; what that leaves out has its default.
  const runtime::BatchingSettings& batching() const { return batching_; }
  // The level of the line for a request with this priority, 0 where it says none.
  uint32_t LevelOf(uint64_t priority) const;
  // Requests that wait for, or run on, an engine thread.
  size_t Pending() const { return batcher_.Pending(); }
  // Runs that ended well, by the rows that they took: those on the cores, too.
  engine::BatchStats batch_stats() const;
  // What people should know of a revision that serves: its warm-up failed, its requests cannot
  // share runs after all, or runs of it have hung. Any thread.
  std::optional<Error> remark() const;

  // No request is in flight, and no engine thread touches it. Means what it says for good once no
  // core can choose it any more.
  bool IsIdle() const;

 private:
  void NoteUnbatched(const Error& why);
  // Its runs may wait for something else than a core: they have engine threads of their own.
  bool WaitsForOthers() const;
  void Reserve(size_t threads);

  const std::string project_;
  const std::string service_;
  const runtime::ServingRevision settings_;
  const std::string version_;
  const runtime::BatchingSettings batching_;
  const std::function<void()> remarked_;
  const bool on_demand_;
  const bool speaks_http_;
  engine::EngineThreads& threads_;
  size_t reserved_ = 0;  // threads for its instances, where anybody says how many these are
  Guarded<std::optional<Error>> unbatched_;
  engine::Batcher batcher_;
  std::atomic<int64_t> timeout_ms_{runtime::kRequestTimeout.count()};
  std::atomic<bool> measured_{false};
  const int64_t since_ms_ = SystemClock().Wall().time_since_epoch().count();
  std::unique_ptr<engine::LoadedModel> model_;
  const EnsemblePlan* ensemble_ = nullptr;  // of model_
  // After the model: its lanes hold sessions.
  std::vector<Lane> lanes_;
};

// Counts one request in for its lifetime, on the core that serves it.
class InFlight {
 public:
  explicit InFlight(Lane& lane) : lane_(lane) {
    lane_.entered.store(lane_.entered.load(std::memory_order_relaxed) + 1,
                        std::memory_order_release);
  }
  ~InFlight() {
    lane_.left.store(lane_.left.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;

 private:
  Lane& lane_;
};

}  // namespace slipway::gateway
