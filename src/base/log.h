// Log: constant messages with fields, as lines of `time level message key=value ...` or JSON.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/result.h"

namespace slipway {

enum class LogLevel : uint8_t { kDebug, kInfo, kWarning, kError };

// One named value of a log line. Secrets are never passed here.
class LogField {
 public:
  LogField(std::string_view field_name, std::string_view text) : name(field_name), value(text) {}
  LogField(std::string_view field_name, const char* text) : name(field_name), value(text) {}
  LogField(std::string_view field_name, const std::string& text) : name(field_name), value(text) {}
  LogField(std::string_view field_name, const Error& error)
      : name(field_name), value(error.ToString()) {}
  LogField(std::string_view field_name, bool truth)
      : name(field_name), value(truth ? "true" : "false"), bare(true) {}
  template <class T>
    requires std::is_arithmetic_v<T>
  LogField(std::string_view field_name, T number)
      : name(field_name), value(std::to_string(number)), bare(true) {}

  std::string_view name;
  std::string value;
  bool bare = false;  // a number or a truth value: no quotes in JSON
};

// Thread-safe. Each line is written whole and at once, to standard error or to the file that SetLog
// names: a process that dies has written all it logged. The message is a constant sentence without
// values: "failed to load revision". Control characters in values are escaped.
void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {});
inline void LogDebug(std::string_view message, std::initializer_list<LogField> fields = {}) {
  Log(LogLevel::kDebug, message, fields);
}
inline void LogInfo(std::string_view message, std::initializer_list<LogField> fields = {}) {
  Log(LogLevel::kInfo, message, fields);
}
inline void LogWarning(std::string_view message, std::initializer_list<LogField> fields = {}) {
  Log(LogLevel::kWarning, message, fields);
}
inline void LogError(std::string_view message, std::initializer_list<LogField> fields = {}) {
  Log(LogLevel::kError, message, fields);
}

struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  bool json = false;
  std::string file;  // empty: standard error; a file is appended to
};
// FAILED_PRECONDITION / LOG_FILE if the file cannot be opened; the log stays as it was.
Result<void> SetLog(const LogOptions& options);

}  // namespace slipway
