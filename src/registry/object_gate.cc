#include "registry/object_gate.h"

#include <condition_variable>
#include <mutex>
#include <utility>

namespace slipway::registry {

struct ObjectGate::State {
  struct Entry {
    size_t publishers = 0;
    bool closed = false;
    size_t waiting = 0;
  };
  std::mutex mutex;
  std::condition_variable opened;
  std::map<Digest, Entry> entries;  // of objects with anybody at the gate
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
  {
    std::lock_guard lock(state_->mutex);
    const auto found = state_->entries.find(*object_);
    State::Entry& entry = found->second;
    if (entry.closed) {
      entry.closed = false;
    } else {
      --entry.publishers;
    }
    if (entry.publishers == 0 && entry.waiting == 0) state_->entries.erase(found);
  }
  state_->opened.notify_all();
  object_.reset();
}

ObjectGate::Pass ObjectGate::Enter(const Digest& object) {
  std::unique_lock lock(state_->mutex);
  State::Entry& entry = state_->entries[object];
  ++entry.waiting;
  state_->opened.wait(lock, [&entry] { return !entry.closed; });
  --entry.waiting;
  ++entry.publishers;
  return {state_, object};
}

std::optional<ObjectGate::Pass> ObjectGate::Close(const Digest& object) {
  std::lock_guard lock(state_->mutex);
  State::Entry& entry = state_->entries[object];
  if (entry.closed || entry.publishers > 0 || entry.waiting > 0) return std::nullopt;
  entry.closed = true;
  return Pass(state_, object);
}

}  // namespace slipway::registry
