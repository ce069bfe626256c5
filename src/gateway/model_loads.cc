#include "gateway/model_loads.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "engine/limits.h"
#include "gateway/ensemble/ensemble_plan.h"
#include "gateway/model_load.h"

namespace slipway::gateway {
namespace {

// Whether it computes, and takes its memory, somewhere else; an ensemble is no more than a text.
bool IsElsewhere(const runtime::ServingRevision& settings) {
  return settings.format == kEnsemble ||
         engine::RunsElsewhere(settings.format, settings.own_process);
}

void BecomeNice() {
  // For this thread alone, as Linux understands it. It can fail for no reason that matters.
  setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), engine::kLoadNiceness);
}

}  // namespace

ModelLoads::ModelLoads(engine::PluginHost& host, size_t elsewhere, std::function<void()> ended)
    : host_(host), elsewhere_(elsewhere), ended_(std::move(ended)) {}

ModelLoads::~ModelLoads() {
  for (Load& load : loads_) load.thread.request_stop();
  for (Load& load : loads_) load.thread.join();
}

bool ModelLoads::HasRoomFor(const runtime::ServingRevision& settings) const {
  const bool is_elsewhere = IsElsewhere(settings);
  const auto same = std::count_if(loads_.begin(), loads_.end(), [&](const Load& load) {
    return load.is_elsewhere == is_elsewhere;
  });
  return static_cast<size_t>(same) < (is_elsewhere ? elsewhere_ : 1);
}

uint64_t ModelLoads::Start(const runtime::ServingRevision& settings, engine::ModelSource source) {
  const bool is_elsewhere = IsElsewhere(settings);
  // Here, so that threads which the engine makes for all models are not nice ones; for the same
  // reason a model with threads of its own is loaded without niceness.
  Result<void> prepared;
  if (!is_elsewhere) prepared = host_.Prepare(settings.format);
  Load& load = loads_.emplace_back();
  load.number = ++last_;
  load.is_elsewhere = is_elsewhere;
  const bool is_nice = settings.threads == 0 && !is_elsewhere;
  load.thread = std::jthread([this, &load, settings, prepared, is_nice,
                              source = std::move(source)](std::stop_token stop) mutable {
    pthread_setname_np(pthread_self(), "loader");
    if (is_nice) BecomeNice();
    source.stop = std::move(stop);
    Outcome outcome = prepared.has_error() ? prepared.error() : LoadModel(host_, settings, source);
    load.outcome.With([&](auto& place) { place = std::move(outcome); });
    ended_();
  });
  return load.number;
}

void ModelLoads::Interrupt(uint64_t number) {
  for (Load& load : loads_) {
    if (load.number == number) load.thread.request_stop();
  }
}

std::vector<ModelLoads::Ended> ModelLoads::TakeEnded() {
  std::vector<Ended> out;
  for (auto at = loads_.begin(); at != loads_.end();) {
    std::optional<Outcome> outcome =
        at->outcome.With([](auto& place) { return std::exchange(place, std::nullopt); });
    if (!outcome) {
      ++at;
      continue;
    }
    const bool was_asked = at->thread.get_stop_source().stop_requested();
    at->thread.join();
    out.push_back({.number = at->number,
                   .was_interrupted = was_asked && outcome->has_error(),
                   .outcome = *std::move(outcome)});
    at = loads_.erase(at);
  }
  return out;
}

}  // namespace slipway::gateway
