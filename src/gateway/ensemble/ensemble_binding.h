// EnsembleBinding: the models that the steps of an ensemble run in, as one snapshot has them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "gateway/ensemble/ensemble_plan.h"

namespace slipway::gateway {

class RevisionRuntime;

// Never changes. Its revisions stay as long as those who took it from a snapshot are counted in at
// them.
struct EnsembleBinding {
  struct Step {
    RevisionRuntime* member = nullptr;
    std::vector<size_t> inputs;     // the tensor of the ensemble for each input of the member
    std::vector<uint32_t> outputs;  // the member's, for each output of the step
    std::shared_ptr<const EnsembleBinding> ensemble;  // of a member that is one itself
  };
  const EnsemblePlan* plan = nullptr;  // of the ensemble's revision
  std::vector<Step> steps;
  size_t runs = 0;  // of one request, those of ensembles in it included
};

// What serves a model's requests now.
struct EnsembleMember {
  RevisionRuntime* revision = nullptr;
  std::shared_ptr<const EnsembleBinding> ensemble;  // nothing: it is none
};
// NOT_FOUND and whatever keeps a model from serving.
using FindMember = std::function<Result<EnsembleMember>(const EnsembleStep& step)>;

// Whether the tensors of the plan fit the models that there are. FAILED_PRECONDITION /
// ENSEMBLE_MEMBER where one does not serve, INVALID_ARGUMENT / ENSEMBLE_MISMATCH where they do not
// fit, UNIMPLEMENTED / MODEL_DECOUPLED, RESOURCE_EXHAUSTED / ENSEMBLE_TOO_LARGE; each names the
// field.
Result<std::shared_ptr<const EnsembleBinding>> BindEnsemble(const EnsemblePlan& plan,
                                                            const FindMember& find);

}  // namespace slipway::gateway
