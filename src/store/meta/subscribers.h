// CommitSubscribers: who is called after a commit; both stores have one.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

namespace slipway::store {

// Thread-safe. Its lock is held during calls, so that none runs once a subscription has ended.
class CommitSubscribers : public std::enable_shared_from_this<CommitSubscribers> {
 public:
  // The subscription keeps this object alive, but not the store.
  std::shared_ptr<void> Add(std::function<void(uint64_t version)> on_commit) {
    std::lock_guard lock(mutex_);
    const uint64_t id = ++last_id_;
    calls_.emplace(id, std::move(on_commit));
    return {this, [self = shared_from_this(), id](void*) { self->Remove(id); }};
  }

  void Notify(uint64_t version) {
    std::lock_guard lock(mutex_);
    for (const auto& [id, call] : calls_) call(version);
  }

 private:
  void Remove(uint64_t id) {
    std::lock_guard lock(mutex_);
    calls_.erase(id);
  }

  std::mutex mutex_;
  std::map<uint64_t, std::function<void(uint64_t)>> calls_;  // under mutex_
  uint64_t last_id_ = 0;                                     // under mutex_
};

}  // namespace slipway::store
