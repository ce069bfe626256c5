// Source: where a model of a repository lies, found by looking at the path that was named.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "gateway/stand_alone.h"

namespace slipway::gateway {

// A file, or a folder with the layout of Triton: [config.pbtxt], VERSION/model.onnx; or with the
// file itself, which is version 1.
struct Source {
  std::string name;
  std::filesystem::path path;  // all links but its last part followed
  std::filesystem::path root;  // what it may not leave; canonical
};

// In the order of their names. Blocks. NOT_FOUND / MODEL_FILE where there is no model,
// INVALID_ARGUMENT / FILE_SPECIAL for a FIFO or device, NAME_INVALID for a name that no URL can
// carry, MODEL_AMBIGUOUS for two of one name or a --name for several, RESOURCE_EXHAUSTED /
// MODELS_TOO_MANY.
Result<std::vector<Source>> FindSources(const StandAloneOptions& options);

}  // namespace slipway::gateway
