// Log: constant messages with fields, as lines of `time level message key=value ...` or JSON.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway {

enum class LogLevel : uint8_t { kDebug, kInfo, kWarning, kError };

// One named value of a log line. Secrets are never passed here.
class LogField {
 public:
  LogField(std::string_view name, std::string_view value) : name(name), value(value) {}
  LogField(std::string_view name, const char* value) : name(name), value(value) {}
  LogField(std::string_view name, const std::string& value) : name(name), value(value) {}
  LogField(std::string_view name, const Error& error) : name(name), value(error.ToString()) {}
  template <class T>
    requires std::is_arithmetic_v<T>
  LogField(std::string_view name, T value) : name(name), value(std::to_string(value)) {}

  std::string_view name;
  std::string value;
};

// Thread-safe, buffered, to standard error (or the file that SetLog names). The message is a
// constant sentence without values: "failed to load revision".
void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {});
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
  std::string file;  // empty: standard error
};
Result<void> SetLog(const LogOptions& options);

}  // namespace slipway
