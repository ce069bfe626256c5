// The program of a deployment and the models that it is given, as the command line names them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "cli/client.h"

namespace slipway::cli {

struct ProgramOptions {
  std::string program;               // "python=NAME:TAG"
  std::vector<std::string> command;  // word by word, for v2 and http
  std::vector<std::string> models;   // "NAME:TAG" or "NAME:TAG=MOUNT"
};

// KIND=NAME:TAG.
struct NamedProgram {
  std::string kind;  // "python", "v2" or "http"
  ModelName package;
};
// INVALID_ARGUMENT / PROGRAM_INVALID, REFERENCE_INVALID.
Result<NamedProgram> ParseProgram(std::string_view text);

struct NamedModel {
  ModelName package;
  std::string mount_as;  // the last segment of the package's name where none is said
};
// INVALID_ARGUMENT / REFERENCE_INVALID.
Result<NamedModel> ParseMountedModel(std::string_view text);

// A merge patch of spec.predictor.program, with its reference pinned; whatever else a program of
// before had goes. Errors: those of ParseProgram and PinReference.
Result<Json> ProgramPatch(ApiClient& api, const ProgramOptions& options);

// spec.predictor.models out of those of `before`, where the ones that the options name take the
// place of what has the same name.
Result<Json> MountedModels(ApiClient& api, const ProgramOptions& options, const Json& before);

}  // namespace slipway::cli
