// ModelControl: loading and unloading models while the data plane runs.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "async/task.h"
#include "base/result.h"

namespace slipway::gateway {

// What a load says besides the model's name.
struct LoadRequest {
  // A model configuration as JSON, in place of the model's own.
  std::optional<std::string> config;
  // Files in place of the model's own, by their paths in its folder ("1/model.onnx").
  std::vector<std::pair<std::string, std::string>> files;
};

// Called once, on a thread that may block.
using ReadLoad = std::function<Result<LoadRequest>()>;

struct IndexEntry {
  std::string name;
  std::string version;  // empty, as state and reason: it was never loaded
  std::string state;    // READY, LOADING, UNAVAILABLE
  std::string reason;
};

// Called on any core; the call comes back there.
class ModelControl {
 public:
  virtual ~ModelControl() = default;
  // Returns when every core serves the model as it is on disk now, or as `read` says. What serves
  // before serves until then, and goes on if this fails; a client that leaves ends nothing.
  // FAILED_PRECONDITION / LOAD_FAILED, "failed to load 'x': ...". UNAVAILABLE / MODEL_BUSY while
  // another change of the model is under way.
  virtual Task<Result<void>> Load(std::string name, ReadLoad read) = 0;
  // Returns when no core gives it requests any more; those in flight end. A model that is not
  // loaded is none to unload. With `with_steps` the models of an ensemble's steps go, too.
  virtual Task<Result<void>> Unload(std::string name, bool with_steps) = 0;
  // The models that are not configured to serve: never loaded, unloaded, or failed to load.
  virtual Task<std::vector<IndexEntry>> Idle() = 0;
};

}  // namespace slipway::gateway
