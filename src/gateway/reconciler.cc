#include "gateway/reconciler.h"

#include <malloc.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "async/core_pool.h"
#include "base/build_info.h"
#include "base/log.h"
#include "gateway/limits.h"
#include "gateway/measurement.h"

namespace slipway::gateway {
namespace {

constexpr std::chrono::milliseconds kDrainTick{5};
constexpr std::chrono::milliseconds kScalingTick{1'000};

std::string NameOf(const RevisionRuntime& revision) {
  return revision.project() + "/" + revision.service();
}

engine::ModelSource SourceOf(const runtime::ServingRevision& settings) {
  std::vector<engine::MountedFolder> mounts;
  for (const auto& mount : settings.mounts) mounts.push_back({mount.mount_as, mount.path});
  return {.format = settings.format,
          .path = settings.path + "/" + settings.model_file,
          .threads = static_cast<uint32_t>(std::max(settings.threads, 0)),
          .uid = settings.uid,
          .own_process = settings.own_process,
          .mounts = std::move(mounts)};
}

}  // namespace

Reconciler::Reconciler(Dependencies dependencies) : dependencies_(std::move(dependencies)) {
  status_.pid = getpid();
  status_.build_id = BuildId();
  loads_.emplace(dependencies_.host, AvailableCores() + kExtraLoadsElsewhere, [this] {
    {
      std::lock_guard lock(mutex_);
      load_ended_ = true;
    }
    wake_.notify_all();
  });
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "reconciler");
    Loop();
  });
}

Reconciler::~Reconciler() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Reconciler::Apply(runtime::ServingConfig config) {
  {
    std::lock_guard lock(mutex_);
    wanted_ = std::move(config);
  }
  wake_.notify_all();
}

void Reconciler::Remark() {
  {
    std::lock_guard lock(mutex_);
    remarked_ = true;
  }
  wake_.notify_all();
}

runtime::ServingStatus Reconciler::status() const {
  std::lock_guard lock(mutex_);
  return status_;
}

bool Reconciler::settled() const {
  std::lock_guard lock(mutex_);
  return settled_;
}

void Reconciler::Visit(const std::function<void(const RevisionRuntime&)>& visit) const {
  std::lock_guard lock(mutex_);
  for (const RevisionRuntime* revision : visible_) visit(*revision);
}

void Reconciler::Loop() {
  bool draining = false;
  bool scaling = false;
  bool watching = false;
  std::unique_lock lock(mutex_);
  while (true) {
    const auto something = [&] { return stopping_ || wanted_ || load_ended_ || remarked_; };
    std::optional<SteadyTime> look = NextTry();
    if (draining || scaling || watching) {
      const SteadyTime tick =
          std::chrono::steady_clock::now() + (draining ? kDrainTick : kScalingTick);
      look = look ? std::min(*look, tick) : tick;
    }
    if (look) {
      wake_.wait_until(lock, *look, something);
    } else {
      wake_.wait(lock, something);
    }
    if (stopping_) break;
    std::optional<runtime::ServingConfig> wanted = std::exchange(wanted_, std::nullopt);
    const bool load_ended = std::exchange(load_ended_, false);
    const bool remarked = std::exchange(remarked_, false);
    lock.unlock();
    if (wanted) Adopt(*std::move(wanted));
    if (load_ended) FinishLoads();
    if (remarked) Tell();
    StartLoads();
    Settle();
    draining = Unload();
    scaling = Scale();
    watching = LookForHung();
    lock.lock();
  }
  lock.unlock();
  loads_.reset();
  dependencies_.slots.Publish(std::make_unique<const Snapshot>(std::vector<ServiceEntry>()));
  for (Service& service : services_) {
    for (auto& revision : service.revisions) draining_.push_back(std::move(revision));
  }
  services_.clear();
  while (Unload()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

void Reconciler::Adopt(runtime::ServingConfig config) {
  for (Service& service : services_) {
    service.configured = false;
    for (auto& revision : service.revisions) revision->listed = false;
  }
  for (runtime::ServingService& wanted : config.services) {
    Service& service = ServiceFor(wanted);
    service.configured = true;
    service.config = std::move(wanted);
    List(service);
    for (auto& revision : service.revisions) {
      revision->runtime->SetRequestTimeout(service.config.timeout_ms);
      revision->runtime->SetMeasured(service.config.measured);
    }
  }
  generation_ = config.generation;
  adopted_ = true;
  LogInfo("configuration read", {{"generation", config.generation},
                                 {"services", static_cast<uint64_t>(config.services.size())}});
  Switch();
  Tell();
}

Reconciler::Service& Reconciler::ServiceFor(const runtime::ServingService& config) {
  for (Service& service : services_) {
    if (service.config.project == config.project && service.config.name == config.name) {
      return service;
    }
  }
  return services_.emplace_back();
}

void Reconciler::List(Service& service) {
  const std::optional<runtime::ScalingSettings>& scaling = service.config.scaling;
  const bool on_demand = scaling && scaling->min_instances == 0;
  for (const runtime::ServingRevision& wanted : service.config.revisions) {
    const auto known =
        std::find_if(service.revisions.begin(), service.revisions.end(), [&](const auto& revision) {
          // One that moves to a process of its own is loaded there before it leaves this one, and
          // one that is to leave the memory at times is loaded as such.
          const runtime::ServingRevision& settings = revision->runtime->settings();
          return settings.uid == wanted.uid && settings.own_process == wanted.own_process &&
                 revision->runtime->on_demand() == on_demand;
        });
    if (known != service.revisions.end()) {
      (*known)->listed = true;
      continue;
    }
    auto revision = std::make_unique<Revision>();
    revision->runtime = std::make_unique<RevisionRuntime>(
        service.config.project, service.config.name, wanted,
        RevisionRuntime::Environment{.cores = dependencies_.slots.size(),
                                     .threads = dependencies_.threads,
                                     .max_queued_runs = dependencies_.max_queued_runs,
                                     .on_demand = on_demand,
                                     .remarked = [this] { Remark(); }});
    service.revisions.push_back(std::move(revision));
  }
}

void Reconciler::Switch() {
  dependencies_.slots.Publish(MakeSnapshot());
  // Those that no snapshot has any more.
  std::erase_if(limiters_, [](const auto& entry) { return entry.second.use_count() == 1; });
  for (Service& service : services_) {
    for (auto& revision : service.revisions) {
      if (revision->can_serve() && revision->phase == Phase::kLoading) {
        revision->phase = Phase::kReady;
      }
    }
  }
  Retire();
}

bool Reconciler::Scale() {
  const auto now = std::chrono::steady_clock::now();
  bool scales = false;
  bool changed = false;
  for (Service& service : services_) {
    const std::optional<runtime::ScalingSettings>& scaling = service.config.scaling;
    for (auto& revision : service.revisions) {
      if (!revision->loaded) continue;
      RevisionRuntime& runtime = *revision->runtime;
      const size_t before = std::exchange(revision->told_instances, runtime.instances());
      if (!scaling) {
        if (std::exchange(revision->scaled_at, {})) runtime.SetInstances(0);
      } else if (!revision->scaled_at || now - *revision->scaled_at >= kScalingTick) {
        revision->scaled_at = now;
        revision->scaler.Configure(*scaling);
        const size_t wanted =
            revision->scaler.Look(now, runtime.Sample(), revision->told_instances);
        if (wanted == 0) runtime.Unload();
        if (wanted > 0 && runtime.instances() > 0) runtime.SetInstances(wanted);
      }
      const size_t after = revision->told_instances = runtime.instances();
      if (after == before) continue;
      if (after == 0) malloc_trim(0);
      changed = true;
      LogInfo("instances changed", {{"service", NameOf(runtime)},
                                    {"revision", runtime.version()},
                                    {"before", static_cast<uint64_t>(before)},
                                    {"instances", static_cast<uint64_t>(after)}});
    }
    scales = scales || (scaling && !service.revisions.empty());
  }
  if (changed) Tell();
  return scales;
}

bool Reconciler::LookForHung() {
  bool changed = false;
  bool any = !draining_.empty();
  const SteadyTime now = SystemClock().Steady();
  const bool is_due = now - looked_at_ >= kScalingTick;
  const auto look = [&](Revision& revision) {
    if (!revision.loaded) return;
    any = true;
    if (!is_due) return;
    const size_t hung = revision.runtime->batcher().CountHung();
    if (hung == std::exchange(revision.hung, hung)) return;
    changed = true;
    LogWarning("runs of a model do not end although their time is over",
               {{"service", NameOf(*revision.runtime)},
                {"revision", revision.runtime->version()},
                {"runs", static_cast<uint64_t>(hung)}});
  };
  for (Service& service : services_) {
    for (auto& revision : service.revisions) look(*revision);
  }
  for (auto& revision : draining_) look(*revision);
  if (is_due) looked_at_ = now;
  if (!changed) return any;
  dependencies_.threads.ReplaceHung(now);
  Tell();
  return any;
}

void Reconciler::Retire() {
  for (Service& service : services_) {
    std::erase_if(service.revisions, [&](std::unique_ptr<Revision>& revision) {
      if (revision->listed || revision->serving) return false;
      if (revision->load) {
        // It retires when the load is over.
        loads_->Interrupt(*revision->load);
        return false;
      }
      if (revision->loaded) {
        LogInfo("revision drains", {{"service", NameOf(*revision->runtime)},
                                    {"revision", revision->runtime->version()}});
      }
      revision->phase = Phase::kDraining;
      draining_.push_back(std::move(revision));
      return true;
    });
  }
  std::erase_if(services_, [](const Service& service) {
    return !service.configured && service.revisions.empty();
  });
}

// The oldest of each service come first: after a crash these are the ones that served.
void Reconciler::StartLoads() {
  size_t most = 0;
  for (const Service& service : services_) most = std::max(most, service.revisions.size());
  for (size_t place = 0; place < most; ++place) {
    for (Service& service : services_) {
      if (place < service.revisions.size()) StartLoad(*service.revisions[place]);
    }
  }
}

void Reconciler::StartLoad(Revision& revision) {
  if (!revision.listed || revision.loaded || revision.load) return;
  if (revision.failure && !(revision.again_at && SystemClock().Steady() >= *revision.again_at)) {
    return;
  }
  const RevisionRuntime& runtime = *revision.runtime;
  if (!loads_->HasRoomFor(runtime.settings())) return;
  engine::ModelSource source = SourceOf(runtime.settings());
  source.name = NameOf(runtime) + " " + runtime.version();
  source.on_demand = runtime.on_demand();
  source.changed = [this] { Remark(); };
  revision.load = loads_->Start(runtime.settings(), std::move(source));
}

std::optional<SteadyTime> Reconciler::NextTry() const {
  std::optional<SteadyTime> next;
  for (const Service& service : services_) {
    for (const auto& revision : service.revisions) {
      if (!revision->listed || revision->load || !revision->again_at) continue;
      // One that finds no room begins when another ends.
      if (!loads_->HasRoomFor(revision->runtime->settings())) continue;
      next = next ? std::min(*next, *revision->again_at) : revision->again_at;
    }
  }
  return next;
}

void Reconciler::Settle() {
  if (!adopted_ || IsLoading()) return;
  {
    std::lock_guard lock(mutex_);
    if (std::exchange(settled_, true)) return;
  }
  if (dependencies_.changed) dependencies_.changed();
}

void Reconciler::FinishLoads() {
  for (ModelLoads::Ended& ended : loads_->TakeEnded()) {
    for (Service& service : services_) {
      for (auto& revision : service.revisions) {
        if (revision->load == ended.number) FinishLoad(*revision, ended);
      }
    }
  }
  Switch();
  Tell();
}

void Reconciler::FinishLoad(Revision& revision, ModelLoads::Ended& ended) {
  revision.load.reset();
  const std::string service = NameOf(*revision.runtime);
  const std::string& version = revision.runtime->version();
  if (ended.was_interrupted) {
    // One that is listed again meanwhile is loaded anew.
    LogInfo("load interrupted", {{"service", service}, {"revision", version}});
    return;
  }
  Result<void> loaded = ended.outcome.has_value()
                            ? revision.runtime->SetModel(*std::move(ended.outcome))
                            : Result<void>(ended.outcome.error());
  if (loaded.has_error()) return Fail(revision, loaded.error());
  revision.loaded = true;
  revision.told_instances = revision.runtime->instances();
  if (std::exchange(revision.failure, std::nullopt)) revision.phase = Phase::kLoading;
  revision.again_at.reset();
  const engine::LoadedModel& model = revision.runtime->model();
  LogInfo("revision loaded", {{"service", service},
                              {"revision", version},
                              {"ms", static_cast<int64_t>(model.load_time().count())}});
  if (const auto& failure = model.warm_up_failure()) {
    LogWarning("a revision serves although its warm-up failed",
               {{"service", service}, {"revision", version}, {"error", *failure}});
  }
  if (const auto& note = model.note()) {
    LogWarning("a revision does without what it prefers",
               {{"service", service}, {"revision", version}, {"error", *note}});
  }
}

void Reconciler::Fail(Revision& revision, const Error& error) {
  const SteadyTime now = SystemClock().Steady();
  revision.failure = error;
  revision.phase = Phase::kFailed;
  revision.again_at = revision.retry.Failed(error, now);
  std::string next = "never";
  if (revision.again_at) {
    revision.again_at_wall =
        SystemClock().Wall() +
        std::chrono::duration_cast<std::chrono::milliseconds>(*revision.again_at - now);
    next = FormatRfc3339(revision.again_at_wall);
  }
  LogError("revision failed to load", {{"service", NameOf(*revision.runtime)},
                                       {"revision", revision.runtime->version()},
                                       {"nextTry", next},
                                       {"error", error}});
}

bool Reconciler::Unload() {
  std::vector<std::unique_ptr<Revision>> idle;
  for (auto& revision : draining_) {
    if (revision->runtime->IsIdle()) idle.push_back(std::move(revision));
  }
  if (idle.empty()) return !draining_.empty();
  std::erase(draining_, nullptr);
  Tell();  // nobody visits them any more
  for (auto& revision : idle) {
    if (!revision->loaded) continue;
    LogInfo("revision unloaded",
            {{"service", NameOf(*revision->runtime)}, {"revision", revision->runtime->version()}});
  }
  idle.clear();
  malloc_trim(0);
  return !draining_.empty();
}

void Reconciler::Tell() {
  runtime::ServingStatus status{
      .generation = generation_, .pid = getpid(), .build_id = std::string(BuildId())};
  std::vector<const RevisionRuntime*> visible;
  const auto add = [&](const Revision& revision) {
    const bool leaving = revision.phase == Phase::kReady && !revision.listed;
    runtime::RevisionMeasurement measured{
        .uid = revision.runtime->settings().uid,
        .phase = std::string(PhaseName(leaving ? Phase::kDraining : revision.phase))};
    std::optional<Error> problem = revision.unbound;
    if (!problem) problem = revision.loaded ? revision.runtime->remark() : revision.failure;
    if (problem) {
      measured.reason = problem->reason();
      measured.message = problem->message();
    }
    if (revision.again_at) {
      measured.next_try_ms = revision.again_at_wall.time_since_epoch().count();
    }
    if (revision.loaded) {
      Measure(*revision.runtime, measured);
      visible.push_back(revision.runtime.get());
    }
    status.revisions.push_back(std::move(measured));
  };
  for (const Service& service : services_) {
    for (const auto& revision : service.revisions) add(*revision);
  }
  for (const auto& revision : draining_) add(*revision);
  {
    std::lock_guard lock(mutex_);
    status_ = std::move(status);
    visible_ = std::move(visible);
  }
  if (dependencies_.changed) dependencies_.changed();
}

std::string_view Reconciler::PhaseName(Phase phase) {
  switch (phase) {
    case Phase::kLoading:
      return "Loading";
    case Phase::kReady:
      return "Ready";
    case Phase::kFailed:
      return "Failed";
    case Phase::kDraining:
      return "Draining";
  }
  return "";
}

}  // namespace slipway::gateway
