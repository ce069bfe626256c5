#include "gateway/revision_runtime.h"

#include <utility>

#include "gateway/invocation.h"

namespace slipway::gateway {
namespace {

// One instance means "no wish": as many runs as there are threads.
size_t Width(const runtime::ServingRevision& settings, const engine::EngineThreads& threads) {
  return settings.instances > 1 ? static_cast<size_t>(settings.instances) : threads.size();
}

}  // namespace

RevisionRuntime::RevisionRuntime(std::string project, std::string service,
                                 runtime::ServingRevision settings, const Environment& environment)
    : project_(std::move(project)),
      service_(std::move(service)),
      settings_(std::move(settings)),
      version_(std::to_string(settings_.number)),
      threads_(environment.threads),
      queue_(Width(settings_, environment.threads), environment.max_queued_runs),
      lanes_(environment.cores) {}

RevisionRuntime::~RevisionRuntime() {
  CHECK(IsIdle());
}

void RevisionRuntime::SetModel(std::unique_ptr<engine::LoadedModel> model) {
  CHECK(model_ == nullptr);
  model_ = std::move(model);
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
