// Recent: a bounded map that keeps what is asked for often.
#pragma once

#include <string>
#include <unordered_map>
#include <utility>

namespace slipway::trust {

// Two generations: when the young one is full, the old one is forgotten. At most `capacity` values.
// Not thread-safe: keep it in a Guarded.
template <class Value>
class Recent {
 public:
  explicit Recent(size_t capacity) : capacity_(capacity) {}

  // nullptr if there is none; valid until the next change.
  const Value* Find(const std::string& key) const {
    for (const auto* generation : {&young_, &old_}) {
      auto found = generation->find(key);
      if (found != generation->end()) return &found->second;
    }
    return nullptr;
  }
  void Insert(const std::string& key, Value value) {
    if (young_.size() >= capacity_ / 2) {
      old_ = std::move(young_);
      young_.clear();
    }
    young_.insert_or_assign(key, std::move(value));
  }
  void Erase(const std::string& key) {
    young_.erase(key);
    old_.erase(key);
  }

 private:
  const size_t capacity_;
  std::unordered_map<std::string, Value> young_;
  std::unordered_map<std::string, Value> old_;
};

}  // namespace slipway::trust
