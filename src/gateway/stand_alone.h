// A configuration for `slipway serve PATH`: one model, without a control centre.
#pragma once

#include <chrono>
#include <string>

#include "base/result.h"
#include "runtime/serving_config.h"

namespace slipway::gateway {

struct StandAloneOptions {
  std::string path;   // a model's file, or a folder with exactly one
  std::string name;   // of the service; empty: from the file's or folder's name
  std::string token;  // callers must send it; empty: anybody may infer
  int threads = 0;    // of one run; 0: chosen
  std::chrono::milliseconds timeout = runtime::kRequestTimeout;  // of one request
};

// NOT_FOUND / MODEL_FILE for a path where there is no model, INVALID_ARGUMENT / MODEL_AMBIGUOUS for
// a folder with several, LINK_REFUSED for a link that leads out of the folder, FILE_SPECIAL for a
// FIFO or device, NAME_INVALID for a name that no URL can carry.
Result<runtime::ServingConfig> StandAloneConfig(const StandAloneOptions& options);

}  // namespace slipway::gateway
