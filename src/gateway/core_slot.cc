#include "gateway/core_slot.h"

#include <latch>
#include <utility>

#include <boost/asio/post.hpp>

#include "gateway/limits.h"

namespace slipway::gateway {

std::chrono::nanoseconds InlineBudget::left() const {
  return kInlineBudget - spent_;
}

void InlineBudget::Spend(std::chrono::nanoseconds took) {
  spent_ += took;
  if (spent_ < kInlineBudget / 8 || reset_posted_) return;
  reset_posted_ = true;
  asio::post(context_, [this] {
    spent_ = {};
    reset_posted_ = false;
  });
}

CoreSlots::CoreSlots(CorePool& cores, BodyBudget& memory) : cores_(cores) {
  for (size_t i = 0; i < cores.size(); ++i) {
    slots_.push_back(std::make_unique<CoreSlot>(i, cores.context(i), memory));
  }
  Publish(std::make_unique<const Snapshot>(std::vector<ServiceEntry>()));
}

CoreSlots::~CoreSlots() {
  // Also waits for a reset of a budget that is on its way.
  Publish(nullptr);
}

CoreSlot& CoreSlots::current() {
  return *slots_[cores_.current()];
}

void CoreSlots::LookAtInlineRuns() {
  for (const auto& slot : slots_) slot->inline_run.Look();
}

void CoreSlots::Publish(std::unique_ptr<const Snapshot> next) {
  CHECK(cores_.current() == cores_.size());
  // Shared, because the last core may still be in count_down when this returns.
  const auto passed = std::make_shared<std::latch>(static_cast<ptrdiff_t>(slots_.size()));
  for (size_t i = 0; i < slots_.size(); ++i) {
    asio::post(cores_.context(i), [this, i, snapshot = next.get(), passed] {
      slots_[i]->snapshot = snapshot;
      slots_[i]->known_keys.clear();
      passed->count_down();
    });
  }
  passed->wait();
  published_ = std::move(next);
}

}  // namespace slipway::gateway
