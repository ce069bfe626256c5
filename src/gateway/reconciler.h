// Reconciler: makes what is loaded and served follow the configuration.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/plugin_host.h"
#include "gateway/call_limiter.h"
#include "gateway/core_slot.h"
#include "gateway/instance_scaler.h"
#include "gateway/load_retry.h"
#include "gateway/model_loads.h"
#include "gateway/revision_runtime.h"
#include "runtime/serving_channel.h"
#include "runtime/serving_config.h"

namespace slipway::gateway {

// Revisions begin to load in the order of the configuration, the oldest of each service first
// (ModelLoads says how many at a time); they get traffic when they are loaded and warmed up; the
// others drain and are unloaded. A load that nobody wants any more is interrupted. A revision that
// does not load never gets traffic, and the one before serves on; it is tried again where that may
// help (LoadRetry). No request fails of a change.
//
// Its own thread decides and switches; a load is a thread of its own. Destroyed when no request is
// in flight and none can come; that waits for the part of a load that cannot be interrupted.
class Reconciler {
 public:
  struct Dependencies {
    CoreSlots& slots;
    engine::PluginHost& host;
    engine::EngineThreads& threads;
    size_t max_queued_runs;  // for one model
    Shadows& shadows;
    // The status is another one. Called on the reconciler's thread.
    std::function<void()> changed;
  };
  explicit Reconciler(Dependencies dependencies);
  ~Reconciler();

  // The newest configuration wins; those in between are skipped. Any thread; returns at once.
  void Apply(runtime::ServingConfig config);

  // A revision is Ready here only when every core serves it. Any thread.
  runtime::ServingStatus status() const;
  // Whether the first configuration is in effect and each of its revisions is loaded or has failed.
  bool settled() const;
  // Has the status told anew: a revision has another remark. Any thread.
  void Remark();
  // Calls `visit` for every revision that is loaded, under a lock. Any thread.
  void Visit(const std::function<void(const RevisionRuntime&)>& visit) const;

 private:
  enum class Phase : uint8_t { kLoading, kReady, kFailed, kDraining };
  struct Revision {
    std::unique_ptr<RevisionRuntime> runtime;
    Phase phase = Phase::kLoading;
    std::optional<Error> failure;
    bool listed = true;
    bool loaded = false;           // the model is there, though perhaps no core knows it yet
    bool serving = false;          // has a share of the traffic
    std::optional<uint64_t> load;  // of loads_, while that is under way
    size_t hung = 0;               // runs, at the last look
    LoadRetry retry;
    std::optional<SteadyTime> again_at;  // of the next try, after a failure
    WallTime again_at_wall{};            // the same for people
    // Of an ensemble that is loaded: why it does not fit the models that serve now.
    std::optional<Error> unbound;
    InstanceScaler scaler;
    std::optional<std::chrono::steady_clock::time_point> scaled_at;  // the last look of the scaler
    size_t told_instances = 0;

    bool can_serve() const { return loaded && !unbound; }
  };
  struct Service {
    runtime::ServingService config;  // the last
    // Of config.traffic; made anew only when its conditions change.
    std::shared_ptr<const CompiledRules> rules;
    bool configured = false;
    std::vector<std::unique_ptr<Revision>> revisions;
    // The newest that failed, if none has been loaded since: a configuration drops those that
    // failed, and clients are to learn why nothing serves.
    std::optional<UnreadyRevision> failed;
  };

  struct Lineup;
  struct Draft;

  void Loop();
  void Adopt(runtime::ServingConfig config);
  Service& ServiceFor(const runtime::ServingService& config);
  void List(Service& service);
  // Divides the traffic anew and shows it to the cores.
  void Switch();
  std::unique_ptr<const Snapshot> MakeSnapshot();
  // Finds the models of its ensembles.
  void Bind(Service& service, Draft& draft);
  // Whether anything listed is still to be loaded.
  bool IsLoading() const;
  ServiceEntry MakeEntry(Service& service);
  static void Present(const Revision& revision, Service& service, ServiceEntry& entry);
  std::shared_ptr<const TrafficPlan> MakePlan(Service& service, const Lineup& lineup,
                                              const ServiceEntry& entry);
  // Whether runs hang is told, and others get threads in place of theirs; whether there are models.
  bool LookForHung();
  // Gives each revision of a service that scales its instances; whether there are such services.
  bool Scale();
  // The limiter of a key or service by this name, the one of before if the limits are the same;
  // nullptr: there are none.
  std::shared_ptr<CallLimiter> LimiterOf(const std::string& name,
                                         const std::optional<routing::CallLimits>& limits);
  void Retire();
  void StartLoads();
  // If it is to be loaded, and there is room.
  void StartLoad(Revision& revision);
  void FinishLoads();
  void FinishLoad(Revision& revision, ModelLoads::Ended& ended);
  void Fail(Revision& revision, const Error& error);
  // What the first configuration lists is loaded or has failed.
  void Settle();
  // When the next try is due that has room.
  std::optional<SteadyTime> NextTry() const;
  // Unloads what is idle; true if something is left that is not.
  bool Unload();
  void Tell();
  static std::string_view PhaseName(Phase phase);

  Dependencies dependencies_;

  // Of the reconciler's thread.
  std::vector<Service> services_;
  uint64_t generation_ = 0;
  uint64_t turns_given_ = 0;
  // Of the last switch: nobody gets a new burst by a change of something else.
  std::map<std::string, std::shared_ptr<CallLimiter>> limiters_;
  bool adopted_ = false;    // any configuration
  SteadyTime looked_at_{};  // for runs that hang
  std::vector<std::unique_ptr<Revision>> draining_;
  std::optional<ModelLoads> loads_;

  // What the threads tell each other.
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::optional<runtime::ServingConfig> wanted_;
  bool load_ended_ = false;
  bool remarked_ = false;
  bool stopping_ = false;
  runtime::ServingStatus status_;
  bool settled_ = false;
  std::vector<const RevisionRuntime*> visible_;

  std::thread thread_;
};

}  // namespace slipway::gateway
