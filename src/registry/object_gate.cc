#include "registry/object_gate.h"

#include <atomic>
#include <utility>

#include "async/guarded.h"

namespace slipway::registry {

struct ObjectGate::State {
  struct Entry {
    size_t publishers = 0;
    size_t waiting = 0;
    bool closed = false;
  };
  // True if the publisher is inside now. With `is_waiting` it was counted as one that waits.
  bool TryEnter(const Digest& object, bool is_waiting) {
    return entries.With([&](auto& all) {
      Entry& entry = all[object];
      if (entry.closed) {
        if (!is_waiting) ++entry.waiting;
        return false;
      }
      if (is_waiting) --entry.waiting;
      ++entry.publishers;
      return true;
    });
  }

  Guarded<std::map<Digest, Entry>> entries;  // of objects with anybody at the gate
  std::atomic<uint32_t> openings = 0;        // of any gate: what waiters wait for
};

ObjectGate::ObjectGate() : state_(std::make_shared<State>()) {}
ObjectGate::~ObjectGate() = default;

ObjectGate::Pass& ObjectGate::Pass::operator=(Pass&& other) noexcept {
  if (this == &other) return *this;
  End();
  state_ = std::move(other.state_);
  object_ = std::exchange(other.object_, std::nullopt);
  return *this;
}

void ObjectGate::Pass::End() {
  if (!state_ || !object_) return;
  state_->entries.With([this](auto& all) {
    const auto found = all.find(*object_);
    State::Entry& entry = found->second;
    if (entry.closed) {
      entry.closed = false;
    } else {
      --entry.publishers;
    }
    if (entry.publishers == 0 && entry.waiting == 0) all.erase(found);
  });
  object_.reset();
  ++state_->openings;
  state_->openings.notify_all();
}

ObjectGate::Pass ObjectGate::Enter(const Digest& object) {
  uint32_t seen = state_->openings;
  for (bool is_waiting = false; !state_->TryEnter(object, is_waiting); is_waiting = true) {
    state_->openings.wait(seen);
    seen = state_->openings;
  }
  return {state_, object};
}

std::optional<ObjectGate::Pass> ObjectGate::Close(const Digest& object) {
  const bool closed = state_->entries.With([&](auto& all) {
    State::Entry& entry = all[object];
    if (entry.closed || entry.publishers > 0 || entry.waiting > 0) return false;
    entry.closed = true;
    return true;
  });
  if (!closed) return std::nullopt;
  return Pass(state_, object);
}

}  // namespace slipway::registry
