#include "cli/deploy_program.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/deployment.h"
#include "cli/text.h"

namespace slipway::cli {
namespace {

constexpr std::string_view kPython = "python";
constexpr std::array kKinds = {kPython, std::string_view("v2"), std::string_view("http")};
// All fields, so that nothing stays of another program.
constexpr std::array kProgramFields = {"python",   "ref",       "command",     "image",
                                       "protocol", "readyPath", "startTimeout"};

Error Wrong(std::string text) {
  return InvalidArgument("PROGRAM_INVALID", std::move(text));
}

}  // namespace

Result<NamedProgram> ParseProgram(std::string_view text) {
  const size_t equals = text.find('=');
  const std::string_view kind = text.substr(0, equals);
  if (equals == std::string_view::npos || std::ranges::find(kKinds, kind) == kKinds.end()) {
    return Wrong(
        fmt::format("--program {}: write KIND=NAME:TAG, where KIND is python, v2 or http", text));
  }
  TRY(package, ParseModelName(text.substr(equals + 1)));
  return NamedProgram{.kind = std::string(kind), .package = std::move(package)};
}

Result<NamedModel> ParseMountedModel(std::string_view text) {
  const size_t equals = text.find('=');
  TRY(package, ParseModelName(text.substr(0, equals)));
  std::string name =
      equals == std::string_view::npos ? package.service : std::string(text.substr(equals + 1));
  return NamedModel{.package = std::move(package), .mount_as = std::move(name)};
}

Result<Json> ProgramPatch(ApiClient& api, const ProgramOptions& options) {
  TRY(program, ParseProgram(options.program));
  const bool is_python = program.kind == kPython;
  if (is_python != options.command.empty()) {
    return Wrong(is_python ? "--command is of v2 and http; a Python program is its predictor.py"
                           : fmt::format("--program {}: say how to start it, word by word: "
                                         "--command={{program}}/serve --command=--port={{port}}",
                                         options.program));
  }
  TRY(pinned, PinReference(api, program.package));
  Json patch = Json::object();
  for (const char* const field : kProgramFields) patch[field] = nullptr;
  patch[is_python ? "python" : "ref"] = pinned;
  if (is_python) return patch;
  patch["command"] = options.command;
  patch["protocol"] = program.kind;
  return patch;
}

Result<Json> MountedModels(ApiClient& api, const ProgramOptions& options, const Json& before) {
  Json models = before.is_array() ? before : Json::array();
  for (const std::string& text : options.models) {
    TRY(model, ParseMountedModel(text));
    TRY(pinned, PinReference(api, model.package));
    Json mounted = {{"ref", pinned}, {"mountAs", model.mount_as}};
    const auto same = std::ranges::find_if(models, [&model](const Json& other) {
      return TextAt(other, "/mountAs") == model.mount_as;
    });
    // Two of the command line stay two, and are refused.
    const auto added =
        models.begin() + static_cast<ptrdiff_t>(before.is_array() ? before.size() : 0);
    if (same < added) {
      *same = std::move(mounted);
    } else {
      models.push_back(std::move(mounted));
    }
  }
  return models;
}

}  // namespace slipway::cli
