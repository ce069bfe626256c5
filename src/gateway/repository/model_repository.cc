#include "gateway/repository/model_repository.h"

#include <algorithm>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "async/completion.h"
#include "async/deadline.h"
#include "base/log.h"
#include "gateway/limits.h"
#include "gateway/model_config/config_json.h"
#include "gateway/repository/model_file.h"
#include "gateway/repository/model_folder.h"
#include "runtime/site_state.h"

namespace slipway::gateway {
namespace {

// The versions of `wanted`, and those that serve now until these are loaded.
runtime::ServingService Staged(const runtime::ServingService& current,
                               const runtime::ServingService& wanted) {
  runtime::ServingService staged = wanted;
  std::set<std::string> uids;
  for (const runtime::ServingRevision& revision : wanted.revisions) uids.insert(revision.uid);
  // Those of before come first: of two with one number they are found.
  staged.revisions = current.revisions;
  std::erase_if(staged.revisions,
                [&](const auto& revision) { return uids.contains(revision.uid); });
  const bool is_same = staged.revisions.empty();
  staged.revisions.insert(staged.revisions.end(), wanted.revisions.begin(), wanted.revisions.end());
  if (!is_same && !current.revisions.empty()) {
    staged.traffic = routing::TrafficSpec{.split = {{.revision = current.revisions.back().number}}};
  }
  return staged;
}

bool SameRevisions(const runtime::ServingService& a, const runtime::ServingService& b) {
  return std::equal(a.revisions.begin(), a.revisions.end(), b.revisions.begin(), b.revisions.end(),
                    [](const auto& one, const auto& other) { return one.uid == other.uid; });
}

Task<void> Report(std::function<Task<Result<void>>()> work, Completion<Result<void>> done) {
  done(co_await work());
}

constexpr std::chrono::milliseconds kLook{10};

Error Stopping() {
  return Unavailable("SERVER_STOPS", "the server stops");
}

}  // namespace

ModelRepository::ModelRepository(CorePool& cores, StandAloneOptions options, Plane plane)
    : options_(std::move(options)),
      plane_(std::move(plane)),
      pool_(1),
      changes_(cores.executor(0)) {}

ModelRepository::~ModelRepository() = default;

uint64_t ModelRepository::Apply() {
  runtime::ServingConfig config{.generation = ++generation_};
  for (const auto& [name, model] : models_) {
    if (model.service) config.services.push_back(*model.service);
  }
  plane_.apply(std::move(config));
  return generation_;
}

Result<void> ModelRepository::Open() {
  TRY(sources, FindSources(options_));
  for (const Source& source : sources) {
    Result<runtime::ServingService> service = PlanService(options_, source, std::nullopt);
    if (service.has_error() && sources.size() == 1 && !options_.is_repository) {
      return service.error();
    }
    Model& model = models_[source.name];
    if (service.has_value()) {
      model.service = *std::move(service);
    } else {
      model.reason = service.error().message();
      LogError("a model cannot be loaded", {{"model", source.name}, {"error", service.error()}});
    }
  }
  Apply();
  return {};
}

std::optional<ModelRepository::Failure> ModelRepository::FailureOf(
    const runtime::ServingService& service) const {
  const runtime::ServingStatus status = plane_.status();
  for (const runtime::RevisionMeasurement& measured : status.revisions) {
    if (measured.phase != runtime::kPhaseFailed) continue;
    for (const runtime::ServingRevision& revision : service.revisions) {
      if (revision.uid != measured.uid) continue;
      const std::string version = service.revisions.size() > 1
                                      ? "version " + std::to_string(revision.number) + ": "
                                      : std::string();
      return Failure{.reason = measured.reason, .message = version + measured.message};
    }
  }
  return std::nullopt;
}

Result<void> ModelRepository::Settle() {
  bool changed = false;
  bool any_serves = false;
  std::string reason;
  for (auto& [name, model] : models_) {
    if (!model.service) {
      reason = model.reason;
      continue;
    }
    const std::optional<Failure> failure = FailureOf(*model.service);
    any_serves = any_serves || !failure;
    if (!failure) continue;
    reason = failure->message;
    if (failure->reason == "ENSEMBLE_MEMBER") model.missed_steps = StepsOf(*model.service);
    Unlist(model, failure->message);
    changed = true;
  }
  if (!any_serves && !models_.empty() && !options_.is_repository) {
    return FailedPrecondition("MODEL_FAILED", reason);
  }
  if (changed) Apply();
  return {};
}

void ModelRepository::Unlist(Model& model, std::string reason) {
  model.versions.clear();
  if (model.service) {
    for (const runtime::ServingRevision& revision : model.service->revisions) {
      model.versions.push_back(std::to_string(revision.number));
    }
  }
  model.service.reset();
  model.reason = std::move(reason);
}

Result<Source> ModelRepository::SourceOf(const std::string& name) const {
  TRY(sources, FindSources(options_));
  for (Source& source : sources) {
    if (source.name == name) return std::move(source);
  }
  return NotFound("MODEL_FILE", "there is no model of that name in " + options_.path);
}

Result<ModelRepository::Planned> ModelRepository::Plan(const std::string& name,
                                                       const LoadRequest& request) const {
  std::optional<Json> config;
  if (request.config) {
    TRY(given, ParseJson(*request.config, {.max_bytes = kMaxConfigBytes}));
    TRY(read, model_config::ReadConfigJson(given));
    config = std::move(read);
  }
  Planned planned;
  Source source{.name = name, .path = {}, .root = {}};
  if (request.files.empty()) {
    TRY(found, SourceOf(name));
    source = std::move(found);
  } else {
    if (!config) {
      return InvalidArgument("OVERRIDE_CONFIG",
                             "override files need a 'config' beside them: {} where there is "
                             "nothing to say");
    }
    TRY_VOID(CheckModelName(name));
    TRY(files, OverrideFolder::Make(request.files));
    planned.files = std::move(files);
    source.path = source.root = planned.files->path();
  }
  TRY(service, PlanService(options_, source, config));
  planned.service = std::move(service);
  return planned;
}

// The work goes on in the group when its caller leaves.
Task<Result<void>> ModelRepository::OnFirstCore(std::function<Task<Result<void>>()> make) {
  co_return co_await AwaitCompletion<Result<void>>([&](Completion<Result<void>> done) {
    changes_.Start([work = std::move(make), done] { return Report(work, done); });
  });
}

Task<Result<void>> ModelRepository::Load(std::string name, ReadLoad read) {
  co_return co_await OnFirstCore([this, &name, &read] { return LoadHere(name, read, {}); });
}

Task<Result<void>> ModelRepository::Unload(std::string name, bool with_steps) {
  co_return co_await OnFirstCore(
      [this, &name, with_steps] { return UnloadHere(name, with_steps); });
}

Task<bool> ModelRepository::InEffect(uint64_t generation, const runtime::ServingService* service) {
  while (true) {
    const runtime::ServingStatus status = plane_.status();
    bool is_there = status.generation >= generation;
    for (const runtime::RevisionMeasurement& measured : status.revisions) {
      if (service == nullptr || measured.phase != runtime::kPhaseLoading) continue;
      for (const runtime::ServingRevision& revision : service->revisions) {
        is_there = is_there && revision.uid != measured.uid;
      }
    }
    if (is_there) co_return true;
    if (stopping_ || !co_await SleepFor(kLook)) co_return false;
  }
}

Task<Result<void>> ModelRepository::LoadHere(std::string name, ReadLoad read, Names ensembles) {
  if (models_[name].is_busy) {
    co_return Unavailable(
        "MODEL_BUSY", "failed to load '" + name + "': another load or unload of it is under way");
  }
  models_[name].is_busy = true;
  const Result<void> result = co_await Change(name, std::move(read), std::move(ensembles));
  Model& model = models_[name];
  model.is_busy = false;
  if (result.has_value()) {
    model.missed_steps.clear();
    co_await LoadWaiting(name);
    co_return Result<void>();
  }
  LogWarning("a model was asked for and does not load",
             {{"model", name}, {"error", result.error()}});
  // What nobody has is not told of.
  const bool is_unknown =
      !model.service && model.reason.empty() && result.error().reason() == "MODEL_FILE";
  if (is_unknown) {
    models_.erase(name);
  } else if (!model.service) {
    model.reason = result.error().message();
  }
  if (result.error().code() == Code::kUnavailable) co_return result.error();
  co_return FailedPrecondition("LOAD_FAILED",
                               "failed to load '" + name + "': " + result.error().message());
}

Task<void> ModelRepository::LoadWaiting(std::string name) {
  const auto is_listed = [this](const std::string& step) {
    const auto found = models_.find(step);
    return found != models_.end() && found->second.service.has_value();
  };
  Names waiting;
  for (const auto& [ensemble, model] : models_) {
    const Names& steps = model.missed_steps;
    if (std::ranges::find(steps, name) != steps.end()) waiting.push_back(ensemble);
  }
  for (const std::string& ensemble : waiting) {
    const Model& model = models_[ensemble];
    // Others may have changed it meanwhile.
    if (model.is_busy || model.missed_steps.empty()) continue;
    if (!std::ranges::all_of(model.missed_steps, is_listed)) continue;
    // What keeps it from serving is in the index and the log.
    (void)co_await LoadHere(ensemble, []() -> Result<LoadRequest> { return LoadRequest{}; }, {});
  }
}

Task<Result<void>> ModelRepository::LoadSteps(runtime::ServingService ensemble, Names ensembles) {
  ensembles.push_back(ensemble.name);
  for (const std::string& step : StepsOf(ensemble)) {
    const auto outer = std::find(ensembles.begin(), ensembles.end(), step);
    if (outer != ensembles.end()) {
      co_return InvalidArgument("ENSEMBLE_CIRCLE", "ensemble_scheduling: '" + step +
                                                       "' is a step of its own, by way "
                                                       "of '" +
                                                       ensembles.back() +
                                                       "': such a circle never begins");
    }
    models_[ensemble.name].waits_for = step;
    const Result<void> loaded = co_await LoadStep(step, ensembles);
    models_[ensemble.name].waits_for.clear();
    if (loaded.has_error()) co_return loaded.error();
  }
  co_return Result<void>();
}

Task<Result<void>> ModelRepository::LoadStep(std::string step, Names ensembles) {
  const auto is_listed = [&] {
    const auto known = models_.find(step);
    return known != models_.end() && known->second.service.has_value();
  };
  if (is_listed()) co_return Result<void>();
  const bool is_free = co_await AwaitOther(step, ensembles);
  // Another ensemble may have brought it meanwhile.
  if (is_free && is_listed()) co_return Result<void>();
  co_return co_await LoadHere(
      step, []() -> Result<LoadRequest> { return LoadRequest{}; }, std::move(ensembles));
}

Task<bool> ModelRepository::AwaitOther(std::string name, Names ensembles) {
  const auto is_ours = [&](const std::string& at) {
    return std::ranges::find(ensembles, at) != ensembles.end();
  };
  while (true) {
    const auto found = models_.find(name);
    if (found == models_.end() || !found->second.is_busy) co_return true;
    auto at = found;
    // Others that wait for each other go round for ever.
    for (size_t left = models_.size(); left > 0 && at != models_.end(); --left) {
      if (is_ours(at->second.waits_for)) co_return false;
      at = models_.find(at->second.waits_for);
    }
    if (stopping_ || !co_await SleepFor(kLook)) co_return false;
  }
}

Task<Result<void>> ModelRepository::Change(std::string name, ReadLoad read, Names ensembles) {
  Result<Planned> planned = co_await pool_.Run([&]() -> Result<Planned> {
    TRY(request, read());
    return Plan(name, request);
  });
  if (planned.has_error()) co_return planned.error();
  CO_TRY_VOID(co_await LoadSteps(planned->service, std::move(ensembles)));
  Model& model = models_[name];
  const std::optional<runtime::ServingService> before = model.service;
  const runtime::ServingService& wanted = planned->service;
  if (before && SameRevisions(*before, wanted)) co_return Result<void>();
  model.service = before ? Staged(*before, wanted) : wanted;
  const bool is_loaded = co_await InEffect(Apply(), &wanted);
  const std::optional<Failure> failure = FailureOf(wanted);
  if (!is_loaded || failure) {
    model.service = before;
    const bool is_back = co_await InEffect(Apply(), nullptr);
    if (!is_loaded || !is_back) co_return Stopping();
    co_return FailedPrecondition("MODEL_FAILED", failure->message);
  }
  model.service = wanted;
  const bool is_switched = co_await InEffect(Apply(), nullptr);
  model.files = std::move(planned->files);
  model.reason.clear();
  if (!is_switched) co_return Stopping();
  co_return Result<void>();
}

Task<Result<void>> ModelRepository::UnloadHere(std::string name, bool with_steps) {
  const auto found = models_.find(name);
  if (found != models_.end()) found->second.missed_steps.clear();
  if (found == models_.end() || (!found->second.service && !found->second.is_busy)) {
    co_return Result<void>();
  }
  Model& model = found->second;
  if (model.is_busy) {
    co_return Unavailable(
        "MODEL_BUSY", "failed to unload '" + name + "': another load or unload of it is under way");
  }
  model.is_busy = true;
  const Names steps = with_steps ? StepsOf(*model.service) : Names();
  Unlist(model, "unloaded");
  const bool is_gone = co_await InEffect(Apply(), nullptr);
  model.is_busy = false;
  model.files.reset();
  if (!is_gone) co_return Stopping();
  for (const std::string& step : steps) CO_TRY_VOID(co_await UnloadHere(step, true));
  co_return Result<void>();
}

Task<Result<void>> ModelRepository::IdleHere(const std::vector<Source>& found,
                                             std::vector<IndexEntry>& out) {
  for (const auto& [name, model] : models_) {
    if (model.service || model.is_busy) continue;
    IndexEntry entry{.name = name, .state = "UNAVAILABLE", .reason = model.reason};
    if (model.versions.empty()) out.push_back(entry);
    for (const std::string& version : model.versions) {
      entry.version = version;
      out.push_back(entry);
    }
  }
  for (const Source& source : found) {
    if (!models_.contains(source.name)) out.push_back({.name = source.name});
  }
  co_return Result<void>();
}

Task<std::vector<IndexEntry>> ModelRepository::Idle() {
  // Read on the pool, put together where the models are.
  const Result<std::vector<Source>> sources =
      co_await pool_.Run([this]() -> Result<std::vector<Source>> { return FindSources(options_); });
  const std::vector<Source> found = sources.has_value() ? *sources : std::vector<Source>();
  std::vector<IndexEntry> entries;
  const Result<void> merged =
      co_await OnFirstCore([this, &found, &entries] { return IdleHere(found, entries); });
  if (merged.has_error()) entries.clear();
  co_return entries;
}

void ModelRepository::EndChanges() {
  stopping_ = true;
}

Task<void> ModelRepository::Stop() {
  EndChanges();
  co_await changes_.Join();
}

}  // namespace slipway::gateway
