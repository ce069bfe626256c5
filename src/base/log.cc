#include "base/log.h"

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <utility>

#include <nlohmann/json.hpp>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log_level.h"

namespace slipway {
namespace {

constexpr std::array<std::string_view, 4> kLevelNames = {"debug", "info", "warning", "error"};

// Where lines go. Copied out under the lock, so that SetLog may replace it at any time.
struct Output {
  std::shared_ptr<spdlog::logger> logger;
  bool json = false;
};

std::shared_ptr<spdlog::logger> MakeLogger(spdlog::sink_ptr sink) {
  // Lines arrive formatted; spdlog adds the newline, keeps lines whole and flushes each.
  auto logger = std::make_shared<spdlog::logger>("slipway", std::move(sink));
  logger->set_formatter(std::make_unique<spdlog::pattern_formatter>("%v"));
  logger->set_level(spdlog::level::trace);
  logger->flush_on(spdlog::level::trace);
  return logger;
}

struct LogState {
  std::atomic<LogLevel> level{LogLevel::kInfo};
  std::mutex mutex;
  Output output;
};

// Never destroyed: threads may log while the process ends.
LogState& State() {
  static LogState& state = *[] {
    auto* made = new LogState;
    made->output.logger = MakeLogger(std::make_shared<spdlog::sinks::stderr_sink_mt>());
    return made;
  }();
  return state;
}

bool NeedsQuotes(std::string_view value) {
  if (value.empty()) return true;
  for (const char c : value) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7f) {
      return true;
    }
  }
  return false;
}

void AppendQuoted(std::string_view value, std::string& out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < ' ' || byte == 0x7f) {
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

std::string TextLine(LogLevel level, std::string_view message,
                     std::initializer_list<LogField> fields) {
  std::string line = FormatRfc3339(SystemClock().Wall());
  line.append(" ").append(kLevelNames.at(static_cast<size_t>(level))).append(" ").append(message);
  for (const LogField& field : fields) {
    line.append(" ").append(field.name).append("=");
    if (NeedsQuotes(field.value)) {
      AppendQuoted(field.value, line);
    } else {
      line += field.value;
    }
  }
  return line;
}

std::string JsonLine(LogLevel level, std::string_view message,
                     std::initializer_list<LogField> fields) {
  Json line = Json::object();
  line["time"] = FormatRfc3339(SystemClock().Wall());
  line["level"] = kLevelNames.at(static_cast<size_t>(level));
  line["message"] = message;
  for (const LogField& field : fields) {
    Json number = field.bare ? Json::parse(field.value, nullptr, false) : Json();
    if (field.bare && !number.is_discarded()) {
      line[std::string(field.name)] = std::move(number);
    } else {
      line[std::string(field.name)] = field.value;
    }
  }
  return DumpJson(line);
}

}  // namespace

void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  LogState& state = State();
  if (level < state.level.load(std::memory_order_relaxed)) return;
  Output output;
  {
    std::lock_guard lock(state.mutex);
    output = state.output;
  }
  const std::string line =
      output.json ? JsonLine(level, message, fields) : TextLine(level, message, fields);
  // The string_view overload takes the line as it is: nothing in it is a format.
  output.logger->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

void SetLogLevel(LogLevel level) {
  State().level.store(level, std::memory_order_relaxed);
}

LogLevel CurrentLogLevel() {
  return State().level.load(std::memory_order_relaxed);
}

Result<void> SetLog(const LogOptions& options) {
  Output output{.logger = nullptr, .json = options.json};
  try {
    spdlog::sink_ptr sink;
    if (options.file.empty()) {
      sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    } else {
      sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.file);
    }
    output.logger = MakeLogger(std::move(sink));
  } catch (const spdlog::spdlog_ex& failure) {
    return FailedPrecondition("LOG_FILE", "The log file " + options.file +
                                              " cannot be opened: " + failure.what() +
                                              "; name a file in a folder that may be written");
  }
  LogState& state = State();
  state.level.store(options.level, std::memory_order_relaxed);
  std::lock_guard lock(state.mutex);
  state.output = std::move(output);
  return {};
}

}  // namespace slipway
