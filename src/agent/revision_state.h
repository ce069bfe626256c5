// What the agent knows of one revision that it should run.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "model/unpack.h"
#include "runtime/site_state.h"

namespace slipway::agent {

enum class Preparation : uint8_t { kWaiting, kRunning, kDone, kFailed };

struct RevisionState {
  Preparation preparation = Preparation::kWaiting;
  // When done: the model, or the package of the program that answers in its place, and that one's
  // models.
  model::UnpackedModel model;
  std::vector<runtime::ServingMount> mounts;
  // Of a failure for good; of the last try when it is waiting for the next one.
  std::string reason;
  std::string message;
};

using RevisionStates = std::map<std::string, RevisionState>;  // by uid

}  // namespace slipway::agent
