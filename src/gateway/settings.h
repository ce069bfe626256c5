// Settings: what V2's logging and trace extensions may ask and set while the program runs.
//
// Settings are a Json object of Triton's names. What has no effect here is refused, unless it says
// what is true anyway.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "async/guarded.h"
#include "base/json.h"
#include "base/result.h"

namespace slipway::gateway {

// The log of the process: its levels are ordered, so that warnings cannot be off while infos are
// on, and errors are always written. Thread-safe.
class LogSettings {
 public:
  // Booleans, a number and texts.
  Json Get() const;
  // All of it or nothing. INVALID_ARGUMENT / LOG_SETTING.
  Result<void> Set(const Json& changes);

 private:
  struct Shown {
    uint32_t verbose_level = 0;
    std::string format = "default";  // lines have times in ISO 8601 in either
  };
  Guarded<Shown> shown_;
};

// Which requests of one model are traced, of those whose caller does not say.
struct TracePolicy {
  bool is_on = false;
  double ratio = 0;
  std::shared_ptr<std::atomic<int64_t>>
      left;  // traces that there may still be; nullptr: any number

  // Counts one trace; false where there are to be no more.
  bool TakeOne() const {
    return left == nullptr || left->fetch_sub(1, std::memory_order_relaxed) > 0;
  }
};

// Texts, and a list of them for trace_level; those of a model stand above the global ones.
// Thread-safe.
class TraceSettings {
 public:
  // `ratio`: traces are sent somewhere, so many of those that begin here unless a setting says
  // otherwise. Nothing: they are not, and no level but OFF can be.
  explicit TraceSettings(std::optional<double> ratio = std::nullopt) : ratio_(ratio) {}

  // `model` is a full name; empty: the global ones.
  Json Get(const std::string& model) const;
  // null clears a setting. All of it or nothing. INVALID_ARGUMENT / TRACE_SETTING; UNIMPLEMENTED /
  // TRACE_UNSUPPORTED for a level that would write traces.
  Result<void> Set(const std::string& model, const Json& changes);

  TracePolicy PolicyOf(const std::string& model) const;
  // Rises with each change of a policy.
  uint64_t version() const { return version_.load(std::memory_order_relaxed); }

 private:
  // Of one model, or global.
  struct Level {
    Json settings = Json::object();
    std::shared_ptr<std::atomic<int64_t>> left;  // where trace_count is set to a number
  };
  using Levels = std::map<std::string, Level>;
  Json Defaults() const;
  Json Merged(const Levels& levels, const std::string& model) const;
  Result<Json> Read(const std::string& key, const Json& value) const;

  const std::optional<double> ratio_;
  std::atomic<uint64_t> version_{0};
  Guarded<Levels> changed_;
};

}  // namespace slipway::gateway
