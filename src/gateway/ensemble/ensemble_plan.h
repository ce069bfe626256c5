// EnsemblePlan: the steps of an ensemble, and the tensors that go from one to the next, as its
// configuration says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "tensor/signature.h"

namespace slipway::gateway {

// The platform and format of a revision that is an ensemble.
inline constexpr std::string_view kEnsemble = "ensemble";

struct EnsembleStep {
  // An input or output of the step's model, and the tensor of the ensemble that it is.
  struct Link {
    std::string name;
    size_t tensor = 0;
  };
  std::string model;
  std::string version;  // empty: the one that gets the requests without a version
  std::vector<Link> inputs;
  std::vector<Link> outputs;
};

struct EnsembleTensor {
  std::string name;
  // The step that gives it, and its position among the outputs of that; nothing: a request gives
  // it, and the position is that of the ensemble's input.
  std::optional<size_t> step;
  size_t position = 0;
  std::vector<size_t> readers;  // steps, once for each input
};

// Every tensor has one origin, and no step waits for itself by whatever way.
struct EnsemblePlan {
  tensor::Signature signature;
  uint64_t max_batch_size = 0;  // 0: the first dimension is no batch
  std::vector<EnsembleStep> steps;
  std::vector<EnsembleTensor> tensors;  // the inputs first, in their order
  std::vector<size_t> outputs;          // the tensor of each output of the signature
};

// "ensemble_scheduling.step[1]", where errors say what is wrong; with the member behind it.
std::string StepPath(size_t step, std::string_view member = {});

// Of a configuration in the form of model_config/schema.h. INVALID_ARGUMENT / ENSEMBLE_CONFIG, with
// the path of the field, UNIMPLEMENTED / CONFIG_UNSUPPORTED, RESOURCE_EXHAUSTED /
// ENSEMBLE_TOO_LARGE.
Result<EnsemblePlan> ReadEnsemblePlan(const Json& config);

}  // namespace slipway::gateway
