#include "cli/report.h"

#include <cstdlib>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "cli/exit_code.h"
#include "cli/output.h"

namespace slipway::cli {

namespace {

bool WantsJson() {
  const char* value = std::getenv("SLIPWAY_ERRORS");  // NOLINT(concurrency-mt-unsafe)
  return value != nullptr && std::string_view(value) == "json";
}

void ReportJson(const Error& error, const std::string& text) {
  Json details = Json::object();
  for (const auto& [name, value] : error.details()) details[name] = value;
  Json json = {{"error",
                {{"code", CodeName(error.code())},
                 {"reason", error.reason()},
                 {"message", text},
                 {"details", std::move(details)}}}};
  Note(DumpJson(json));
}

}  // namespace

int ReportError(const Error& error) {
  // Nobody reads any more (`slipway get ... | head`): nothing to say.
  if (error.reason() == "OUTPUT_CLOSED") return ExitCodeOf(error.code());
  std::string text = error.message();
  for (const Error* cause = error.cause(); cause != nullptr; cause = cause->cause()) {
    text += ": " + cause->message();
  }
  if (WantsJson()) {
    ReportJson(error, text);
  } else {
    Note("slipway: " + text);
  }
  return ExitCodeOf(error.code());
}

}  // namespace slipway::cli
