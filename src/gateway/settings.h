// Settings: what V2's logging and trace extensions may ask and set while the program runs.
//
// Settings are a Json object of Triton's names. What has no effect here is refused, unless it says
// what is true anyway.
#pragma once

#include <cstdint>
#include <map>
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

// Texts, and a list of them for trace_level; those of a model stand above the global ones.
// Thread-safe.
class TraceSettings {
 public:
  // `model` is a full name; empty: the global ones.
  Json Get(const std::string& model) const;
  // null clears a setting. All of it or nothing. INVALID_ARGUMENT / TRACE_SETTING; UNIMPLEMENTED /
  // TRACE_UNSUPPORTED for a level that would write traces.
  Result<void> Set(const std::string& model, const Json& changes);

 private:
  Guarded<std::map<std::string, Json>> changed_;
};

}  // namespace slipway::gateway
