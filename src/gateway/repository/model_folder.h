// ModelFolder: one model of a repository as it lies on disk, and what is served of it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "gateway/repository/source.h"
#include "runtime/serving_config.h"

namespace slipway::gateway {

struct ModelVersion {
  int64_t number = 1;
  std::filesystem::path file;
  std::string format;
};

struct ModelFolder {
  Json config = Json::object();        // in the form of model_config/schema.h
  std::vector<ModelVersion> versions;  // those that are there, lowest first
};

// Whether a folder is one model: it has a configuration, one model file, or versions.
bool IsModelFolder(const std::filesystem::path& folder);

// The same without the case of a file that stands alone.
bool HasVersions(const std::filesystem::path& folder);

// Reads the model's configuration, unless one is given, and finds its versions. Blocks. NOT_FOUND /
// MODEL_FILE, INVALID_ARGUMENT / CONFIG_TEXT, MODEL_AMBIGUOUS, LINK_REFUSED.
Result<ModelFolder> ReadModelFolder(const Source& source, const std::optional<Json>& config);

// The versions that the configuration's policy wants, lowest first: by default the highest alone.
// NOT_FOUND / MODEL_VERSION where one that it names is missing.
Result<std::vector<ModelVersion>> ChooseVersions(const Json& config,
                                                 const std::vector<ModelVersion>& versions);

// What of a configuration cannot be served: UNIMPLEMENTED or INVALID_ARGUMENT / CONFIG_UNSUPPORTED.
Result<void> CheckServable(const Json& config, const std::string& name);
// Members that are kept and shown, and have no effect here.
std::vector<std::string> WithoutEffect(const Json& config);

// The model as a service with its wanted versions. The uid of a revision changes with its file, its
// configuration and `options`. Blocks. All the errors above.
Result<runtime::ServingService> PlanService(const StandAloneOptions& options, const Source& source,
                                            const std::optional<Json>& config);

// The models that the ensembles among its versions name, each once.
std::vector<std::string> StepsOf(const runtime::ServingService& service);

}  // namespace slipway::gateway
