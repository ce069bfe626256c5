#include "gateway/revision_runtime.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/log.h"
#include "engine/program_host.h"
#include "gateway/ensemble/ensemble_model.h"
#include "gateway/invocation.h"
#include "gateway/limits.h"

namespace slipway::gateway {
namespace {

// Whether its runs only wait for another process.
bool IsElsewhere(const runtime::ServingRevision& settings) {
  return engine::RunsElsewhere(settings.format, settings.own_process);
}

// 0 is no wish: as many runs as there are threads that nobody has reserved.
size_t Width(const runtime::ServingRevision& settings, const engine::EngineThreads& threads) {
  const bool is_code = engine::IsCustomCode(settings.format);
  if (settings.instances == 0 && engine::SpeaksHttp(settings.format)) return kPassedRuns;
  if (settings.instances == 0) return is_code ? 1 : threads.size();
  return static_cast<size_t>(settings.instances);
}

engine::LinePolicy PolicyOf(const runtime::BatchingSettings& settings, size_t max_queued_runs) {
  engine::LinePolicy policy{.max_rows = static_cast<uint64_t>(std::max(settings.max_batch_size, 1)),
                            .max_delay = std::chrono::microseconds(settings.max_queue_delay_us),
                            .levels = static_cast<uint32_t>(std::max(settings.priority_levels, 1)),
                            .max_waiting = max_queued_runs,
                            .timeout_action = settings.timeout_action == "delay"
                                                  ? engine::TimeoutAction::kDelay
                                                  : engine::TimeoutAction::kReject};
  for (const int32_t size : settings.preferred_sizes) {
    policy.preferred_rows.push_back(static_cast<uint64_t>(std::max(size, 0)));
  }
  if (settings.max_queue_size > 0) {
    policy.max_waiting = static_cast<size_t>(settings.max_queue_size);
  }
  return policy;
}

}  // namespace

RevisionRuntime::RevisionRuntime(std::string project, std::string service,
                                 runtime::ServingRevision settings, const Environment& environment)
    : project_(std::move(project)),
      service_(std::move(service)),
      settings_(std::move(settings)),
      version_(std::to_string(settings_.number)),
      batching_(settings_.batching.value_or(runtime::BatchingSettings{})),
      remarked_(environment.remarked),
      on_demand_(environment.on_demand),
      speaks_http_(engine::SpeaksHttp(settings_.format)),
      threads_(environment.threads),
      batcher_(environment.threads,
               {.width = Width(settings_, environment.threads),
                .policy = PolicyOf(batching_, environment.max_queued_runs),
                .unbatched = [this](const Error& why) { NoteUnbatched(why); }}),
      lanes_(environment.cores) {
  Reserve(settings_.instances > 0 || WaitsForOthers() ? Width(settings_, threads_) : 0);
}

bool RevisionRuntime::WaitsForOthers() const {
  return on_demand_ || IsElsewhere(settings_);
}

RevisionRuntime::~RevisionRuntime() {
  CHECK(IsIdle());
  threads_.Release(reserved_);
}

// More first: threads that are given back are no longer there for others.
void RevisionRuntime::Reserve(size_t threads) {
  threads_.Reserve(threads);
  threads_.Release(std::exchange(reserved_, threads));
}

Result<void> RevisionRuntime::SetModel(std::unique_ptr<engine::LoadedModel> model) {
  CHECK(model_ == nullptr);
  if (batcher_.max_rows() > 1) {
    Result<void> checked = engine::CheckBatchable(model->signature());
    // A configuration of Triton's is the word of the model's author, who need not know our rules:
    // such a model is served, but with runs for each request.
    if (checked.has_error() && settings_.config.empty()) return checked;
    if (checked.has_error()) batcher_.StopSharing(checked.error());
  }
  model_ = std::move(model);
  batcher_.SetModel(*model_);
  model_->ExpectRuns(batcher_.width());
  const auto* const ensemble = dynamic_cast<const EnsembleModel*>(&model_->model());
  if (ensemble != nullptr) ensemble_ = &ensemble->plan();
  return {};
}

const tensor::Signature& RevisionRuntime::shown_signature() const {
  static const auto* const nothing = new tensor::Signature();
  return speaks_http_ ? *nothing : model_->signature();
}

uint32_t RevisionRuntime::LevelOf(uint64_t priority) const {
  const auto levels = static_cast<uint64_t>(batching_.priority_levels);
  if (priority > 0 && priority <= levels) return static_cast<uint32_t>(priority);
  if (batching_.default_priority > 0) return static_cast<uint32_t>(batching_.default_priority);
  return static_cast<uint32_t>((levels + 1) / 2);
}

void RevisionRuntime::SetInstances(size_t instances) {
  const size_t before = batcher_.width();
  const size_t width = instances == 0 ? Width(settings_, threads_) : instances;
  if (width == before) return;
  Reserve(instances > 0 || settings_.instances > 0 || WaitsForOthers() ? width : 0);
  batcher_.SetWidth(width);
  if (model_ != nullptr) model_->ExpectRuns(width);
  // Those that run come back later; the next time that it scales down they go.
  if (width < before && model_ != nullptr) model_->TrimSessions(width);
}

ScalingSample RevisionRuntime::Sample() const {
  ScalingSample sample{.waiting = batcher_.waiting()};
  for (const Lane& lane : lanes_) {
    const uint64_t left = lane.left.load(std::memory_order_acquire);
    const uint64_t entered = lane.entered.load(std::memory_order_acquire);
    sample.in_flight += entered - left;
    sample.arrived += entered;
    sample.requests += lane.counters.success.Value();
    sample.request_ns += lane.counters.request_ns.Value();
  }
  return sample;
}

engine::BatchStats RevisionRuntime::batch_stats() const {
  engine::BatchStats stats = batcher_.stats();
  for (const Lane& lane : lanes_) {
    uint64_t single = lane.counters.executions.Value();
    lane.batches.With([&](const engine::BatchStats& batches) {
      for (const auto& [rows, stat] : batches) {
        stats[rows].runs += stat.runs;
        stats[rows].infer_ns += stat.infer_ns;
        single -= std::min(single, stat.runs);
      }
    });
    if (single == 0) continue;
    stats[1].runs += single;
    stats[1].infer_ns += lane.counters.execution_ns.Value();
  }
  return stats;
}

std::optional<Error> RevisionRuntime::remark() const {
  std::optional<Error> unbatched =
      unbatched_.With([](const std::optional<Error>& why) { return why; });
  if (unbatched) return unbatched;
  if (const size_t hung = batcher_.CountHung(); hung > 0) {
    return FailedPrecondition(
        "RUN_HUNG",
        "runs of it that go on although their time was over long ago: " + std::to_string(hung) +
            "; each keeps a thread. Set predictor.isolation to process, so that such "
            "runs can be ended");
  }
  return model_->warm_up_failure() ? model_->warm_up_failure() : model_->note();
}

void RevisionRuntime::NoteUnbatched(const Error& why) {
  LogWarning("requests for a revision do not share runs any more",
             {{"service", project_ + "/" + service_}, {"revision", version_}, {"error", why}});
  unbatched_.With([&](std::optional<Error>& noted) {
    noted = Error(why.code(), why.reason(), why.message() + ". Each request runs by itself now");
  });
  if (remarked_) remarked_();
}

bool RevisionRuntime::IsIdle() const {
  for (const Lane& lane : lanes_) {
    // `left` first: a request that comes in between makes them differ, which is the safe side.
    const uint64_t left = lane.left.load(std::memory_order_acquire);
    if (lane.entered.load(std::memory_order_acquire) != left) return false;
  }
  return Pending() == 0;
}

}  // namespace slipway::gateway
