// RevisionRuntime: what lives as long as a revision does, from its load to its last answer.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine_threads.h"
#include "engine/loaded_model.h"
#include "gateway/lane.h"
#include "runtime/serving_config.h"

namespace slipway::gateway {

// The model, its waiting line and its counters. Configurations come and go, this stays: a change of
// weights rebuilds nothing. Made before the model is loaded; SetModel happens before any request
// can find it. Destroyed when no core can find it any more and IsIdle.
class RevisionRuntime {
 public:
  struct Environment {
    size_t cores;
    engine::EngineThreads& threads;
    size_t max_queued_runs;
  };
  RevisionRuntime(std::string project, std::string service, runtime::ServingRevision settings,
                  const Environment& environment);
  ~RevisionRuntime();

  const std::string& project() const { return project_; }
  const std::string& service() const { return service_; }
  const runtime::ServingRevision& settings() const { return settings_; }
  // The number of the revision as V2 clients see it.
  const std::string& version() const { return version_; }

  void SetModel(std::unique_ptr<engine::LoadedModel> model);
  bool has_model() const { return model_ != nullptr; }
  engine::LoadedModel& model() const { return *model_; }

  // Of one request, as its service says now. Any thread.
  std::chrono::milliseconds request_timeout() const {
    return std::chrono::milliseconds(timeout_ms_.load(std::memory_order_relaxed));
  }
  void SetRequestTimeout(int64_t ms) { timeout_ms_.store(ms, std::memory_order_relaxed); }

  Lane& lane(size_t core) { return lanes_[core]; }
  const std::vector<Lane>& lanes() const { return lanes_; }
  engine::EngineQueue& queue() { return queue_; }
  engine::EngineThreads& threads() const { return threads_; }
  // Requests that wait for, or run on, an engine thread.
  size_t Pending() const { return threads_.Pending(queue_); }

  // No request is in flight, and no engine thread touches it. Means what it says for good once no
  // core can choose it any more.
  bool IsIdle() const;

 private:
  const std::string project_;
  const std::string service_;
  const runtime::ServingRevision settings_;
  const std::string version_;
  engine::EngineThreads& threads_;
  engine::EngineQueue queue_;
  std::atomic<int64_t> timeout_ms_{runtime::kRequestTimeout.count()};
  std::unique_ptr<engine::LoadedModel> model_;
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
