#include "gateway/settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "base/log_level.h"

namespace slipway::gateway {
namespace {

Error LogFault(std::string_view key, std::string_view what) {
  return InvalidArgument("LOG_SETTING",
                         "log setting '" + std::string(key) + "': " + std::string(what));
}

struct WantedLog {
  bool info = true;
  bool warning = true;
  bool error = true;
  uint32_t verbose_level = 0;
  std::string format;
};

Result<void> ReadSwitch(const std::string& key, const Json& value, bool& out) {
  if (!value.is_boolean()) return LogFault(key, "true or false is wanted");
  out = value.get<bool>();
  return {};
}

Result<void> ReadLogSetting(const std::string& key, const Json& value, WantedLog& out) {
  if (key == "log_info") return ReadSwitch(key, value, out.info);
  if (key == "log_warning") return ReadSwitch(key, value, out.warning);
  if (key == "log_error") return ReadSwitch(key, value, out.error);
  if (key == "log_verbose_level") {
    if (!value.is_number_unsigned() || value.get<uint64_t>() > UINT32_MAX) {
      return LogFault(key, "a whole number that is not negative is wanted");
    }
    out.verbose_level = static_cast<uint32_t>(value.get<uint64_t>());
    return {};
  }
  if (key == "log_format") {
    if (value != "default" && value != "ISO8601") {
      return LogFault(key, "'default' and 'ISO8601' are known");
    }
    out.format = value.get<std::string>();
    return {};
  }
  if (key == "log_file") {
    if (value.is_string() && value.get_ref<const std::string&>().empty()) return {};
    return LogFault(key, "the log file cannot be changed while the server runs");
  }
  return LogFault(key,
                  "there is no such setting: log_info, log_warning, log_error, "
                  "log_verbose_level and log_format are known");
}

Result<LogLevel> LevelOf(const WantedLog& wanted) {
  if (!wanted.error) return LogFault("log_error", "errors are always written");
  if (wanted.verbose_level > 0) {
    if (wanted.info && wanted.warning) return LogLevel::kDebug;
    return LogFault("log_verbose_level", "above 0, log_info and log_warning are on");
  }
  if (wanted.info && wanted.warning) return LogLevel::kInfo;
  if (wanted.info) return LogFault("log_warning", "off, log_info is off, too");
  return wanted.warning ? LogLevel::kWarning : LogLevel::kError;
}

Error TraceFault(std::string_view key, std::string_view what) {
  return InvalidArgument("TRACE_SETTING",
                         "trace setting '" + std::string(key) + "': " + std::string(what));
}

struct NumberRule {
  std::string_view key;
  int64_t least;
};
constexpr std::array kNumbers = {NumberRule{.key = "trace_rate", .least = 1},
                                 NumberRule{.key = "trace_count", .least = -1},
                                 NumberRule{.key = "log_frequency", .least = 0}};

// Clients send one text as a list of one, too.
const Json& OneOf(const Json& value) {
  return value.is_array() && value.size() == 1 ? value[0] : value;
}

Result<Json> ReadNumber(const NumberRule& rule, const Json& value) {
  int64_t number = 0;
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    const char* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, number);
    constexpr int64_t kMost = INT32_MAX;
    if (parsed.ec == std::errc() && parsed.ptr == end && number >= rule.least && number <= kMost) {
      return Json(std::to_string(number));
    }
  }
  return TraceFault(rule.key,
                    "a text of a whole number is wanted, at least " + std::to_string(rule.least));
}

Result<Json> ReadLevels(const Json& value, bool can_trace) {
  const Json levels = value.is_array() ? value : Json::array({value});
  Json read = Json::array({"OFF"});
  for (const Json& level : levels) {
    if (level == "TIMESTAMPS" && can_trace) {
      read = Json::array({"TIMESTAMPS"});
    } else if (level == "TIMESTAMPS" || level == "TENSORS") {
      return Unimplemented("TRACE_UNSUPPORTED",
                           can_trace ? "tensors are not written to traces: trace_level OFF and "
                                       "TIMESTAMPS are known"
                                     : "this server sends no traces: start it with --otlp-endpoint "
                                       "URL; /metrics has the latencies of each model");
    } else if (level != "OFF") {
      return TraceFault("trace_level", "OFF, TIMESTAMPS and TENSORS are known");
    }
  }
  return read;
}

int64_t NumberIn(const Json& settings, const char* key) {
  const auto& text = settings[key].get_ref<const std::string&>();
  int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

Json LogSettings::Get() const {
  const LogLevel level = CurrentLogLevel();
  const Shown shown = shown_.With([](const Shown& now) { return now; });
  const bool is_verbose = level == LogLevel::kDebug;
  return {{"log_file", ""},
          {"log_info", level <= LogLevel::kInfo},
          {"log_warning", level <= LogLevel::kWarning},
          {"log_error", true},
          {"log_verbose_level", is_verbose ? std::max(shown.verbose_level, 1u) : 0u},
          {"log_format", shown.format}};
}

Result<void> LogSettings::Set(const Json& changes) {
  const Json now = Get();
  WantedLog wanted;
  for (const auto& [key, value] : now.items()) TRY_VOID(ReadLogSetting(key, value, wanted));
  for (const auto& [key, value] : changes.items()) TRY_VOID(ReadLogSetting(key, value, wanted));
  TRY(level, LevelOf(wanted));
  SetLogLevel(level);
  shown_.With([&](Shown& shown) {
    shown = {.verbose_level = wanted.verbose_level, .format = wanted.format};
  });
  return {};
}

// In the order in which they are shown.
Json TraceSettings::Defaults() const {
  constexpr double kMostRate = INT32_MAX;
  const bool is_on = ratio_.value_or(0) > 0;
  const auto rate = is_on ? std::llround(std::min(1 / *ratio_, kMostRate)) : 1000;
  return {{"trace_file", ""},
          {"trace_level", Json::array({is_on ? "TIMESTAMPS" : "OFF"})},
          {"trace_rate", std::to_string(rate)},
          {"trace_count", "-1"},
          {"log_frequency", "0"},
          {"trace_mode", ratio_ ? "opentelemetry" : "triton"}};
}

Json TraceSettings::Merged(const Levels& levels, const std::string& model) const {
  Json settings = Defaults();
  for (const std::string& level : {std::string(), model}) {
    const auto found = levels.find(level);
    if (found == levels.end()) continue;
    settings.update(found->second.settings);
    const auto& left = found->second.left;
    if (left != nullptr) settings["trace_count"] = std::to_string(std::max<int64_t>(*left, 0));
  }
  return settings;
}

Json TraceSettings::Get(const std::string& model) const {
  return changed_.With([&](const Levels& levels) { return Merged(levels, model); });
}

TracePolicy TraceSettings::PolicyOf(const std::string& model) const {
  return changed_.With([&](const Levels& levels) {
    const Json settings = Merged(levels, model);
    TracePolicy policy{.is_on = ratio_ && settings["trace_level"][0] == "TIMESTAMPS",
                       .ratio = ratio_.value_or(0),
                       .left = nullptr};
    for (const std::string& level : {std::string(), model}) {
      const auto found = levels.find(level);
      if (found == levels.end()) continue;
      // What was started with says it more exactly than a rate.
      if (found->second.settings.contains("trace_rate")) {
        policy.ratio = 1 / static_cast<double>(NumberIn(settings, "trace_rate"));
      }
      if (found->second.settings.contains("trace_count")) policy.left = found->second.left;
    }
    return policy;
  });
}

Result<Json> TraceSettings::Read(const std::string& key, const Json& value) const {
  if (key == "trace_level") return ReadLevels(value, ratio_.has_value());
  for (const NumberRule& rule : kNumbers) {
    if (key == rule.key) return ReadNumber(rule, OneOf(value));
  }
  const Json defaults = Defaults();
  const auto fixed = defaults.find(key);
  if (fixed == defaults.end()) return TraceFault(key, "there is no such setting");
  if (OneOf(value) == *fixed) return *fixed;
  return TraceFault(key, "it cannot be changed while the server runs");
}

Result<void> TraceSettings::Set(const std::string& model, const Json& changes) {
  std::vector<std::pair<std::string, std::optional<Json>>> read;
  for (const auto& [key, value] : changes.items()) {
    const bool is_cleared = value.is_null() || (value.is_array() && value.empty());
    if (is_cleared && !Defaults().contains(key)) {
      return TraceFault(key, "there is no such setting");
    }
    if (is_cleared) {
      read.emplace_back(key, std::nullopt);
      continue;
    }
    TRY(setting, Read(key, value));
    read.emplace_back(key, std::move(setting));
  }
  changed_.With([&](Levels& levels) {
    Level& own = levels[model];
    for (auto& [key, value] : read) {
      const bool is_set = value.has_value();
      if (is_set) {
        own.settings[key] = *std::move(value);
      } else {
        own.settings.erase(key);
      }
      if (key != "trace_count") continue;
      const int64_t count = is_set ? NumberIn(own.settings, "trace_count") : -1;
      own.left = count < 0 ? nullptr : std::make_shared<std::atomic<int64_t>>(count);
    }
  });
  version_.fetch_add(1, std::memory_order_release);
  return {};
}

}  // namespace slipway::gateway
