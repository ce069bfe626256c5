#include "gateway/ensemble/ensemble_binding.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "gateway/limits.h"
#include "gateway/revision_runtime.h"

namespace slipway::gateway {
namespace {

using tensor::TensorSpec;

Error Mismatch(const std::string& path, const std::string& what) {
  return InvalidArgument("ENSEMBLE_MISMATCH", path + ": " + what).With("field", path);
}

std::string Words(const TensorSpec& spec) {
  return std::string(DataTypeName(spec.type)) + " " + spec.shape.ToString();
}

std::string Names(const std::vector<TensorSpec>& specs) {
  std::string names;
  for (const TensorSpec& spec : specs) names += (names.empty() ? "'" : ", '") + spec.name + "'";
  return names;
}

// Whether what is `from` may be taken for `to`: open dimensions are looked at in each request.
bool Fits(const TensorSpec& from, const TensorSpec& to) {
  const auto one = from.shape.dims();
  const auto other = to.shape.dims();
  return from.type == to.type &&
         std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [](int64_t a, int64_t b) { return a < 0 || b < 0 || a == b; });
}

// Rows that the model takes at once; nothing: it does not say.
std::optional<uint64_t> MaxRows(const RevisionRuntime& member) {
  if (const EnsemblePlan* plan = member.ensemble(); plan != nullptr) {
    if (plan->max_batch_size == 0) return std::nullopt;
    return plan->max_batch_size;
  }
  const engine::Batcher& batcher = member.batcher();
  if (batcher.max_rows() < 2 || !batcher.MayShare()) return std::nullopt;
  return batcher.max_rows();
}

class Binder {
 public:
  Binder(const EnsemblePlan& plan, const FindMember& find)
      : plan_(plan), find_(find), specs_(plan.tensors.size()) {
    binding_->plan = &plan;
    for (size_t i = 0; i < plan.signature.inputs.size(); ++i) {
      specs_[i] = &plan.signature.inputs[i];
    }
  }

  Result<std::shared_ptr<const EnsembleBinding>> Bind() {
    for (size_t i = 0; i < plan_.steps.size(); ++i) TRY_VOID(Find(i));
    for (size_t i = 0; i < plan_.steps.size(); ++i) TRY_VOID(BindOutputs(i));
    for (size_t i = 0; i < plan_.steps.size(); ++i) TRY_VOID(BindInputs(i));
    for (size_t i = 0; i < plan_.outputs.size(); ++i) TRY_VOID(CheckOutput(i));
    return std::shared_ptr<const EnsembleBinding>(std::move(binding_));
  }

 private:
  const tensor::Signature& SignatureOf(size_t step) const {
    return binding_->steps[step].member->model().signature();
  }

  Result<void> Find(size_t at) {
    const EnsembleStep& step = plan_.steps[at];
    const std::string path = StepPath(at, step.version.empty() ? "model_name" : "model_version");
    Result<EnsembleMember> found = find_(step);
    if (found.has_error()) {
      return FailedPrecondition("ENSEMBLE_MEMBER", path + ": " + found.error().message())
          .With("field", path);
    }
    const RevisionRuntime& member = *found->revision;
    if (member.model().model().decoupled()) {
      return Unimplemented("MODEL_DECOUPLED", path + ": '" + step.model +
                                                  "' may answer several times to one request, "
                                                  "which a step of an ensemble cannot pass on");
    }
    const std::optional<uint64_t> rows = MaxRows(member);
    if (rows && *rows < plan_.max_batch_size) {
      return Mismatch("max_batch_size", "the ensemble takes " +
                                            std::to_string(plan_.max_batch_size) + " rows, and '" +
                                            step.model + "' of " + StepPath(at) + " at most " +
                                            std::to_string(*rows));
    }
    binding_->runs += 1 + (found->ensemble == nullptr ? 0 : found->ensemble->runs);
    if (binding_->runs > kMaxEnsembleRuns) {
      return ResourceExhausted("ENSEMBLE_TOO_LARGE",
                               path + ": with '" + step.model + "' one request makes more than " +
                                   std::to_string(kMaxEnsembleRuns) + " runs of models");
    }
    binding_->steps.push_back({.member = found->revision,
                               .inputs = {},
                               .outputs = {},
                               .ensemble = std::move(found->ensemble)});
    return {};
  }

  Result<void> BindOutputs(size_t at) {
    const EnsembleStep& step = plan_.steps[at];
    const tensor::Signature& signature = SignatureOf(at);
    for (const EnsembleStep::Link& link : step.outputs) {
      const auto found = tensor::FindSpec(signature.outputs, link.name);
      if (!found) {
        return Mismatch(
            StepPath(at, "output_map['" + link.name + "']"),
            "'" + step.model + "' has no such output; there are: " + Names(signature.outputs));
      }
      specs_[link.tensor] = &signature.outputs[*found];
      binding_->steps[at].outputs.push_back(static_cast<uint32_t>(*found));
    }
    return {};
  }

  Result<void> BindInputs(size_t at) {
    const EnsembleStep& step = plan_.steps[at];
    const tensor::Signature& signature = SignatureOf(at);
    for (const TensorSpec& input : signature.inputs) {
      const auto link = std::find_if(step.inputs.begin(), step.inputs.end(),
                                     [&](const auto& one) { return one.name == input.name; });
      if (link == step.inputs.end()) {
        return Mismatch(StepPath(at, "input_map"),
                        "the input '" + input.name + "' of '" + step.model + "' is missing");
      }
      if (!Fits(*specs_[link->tensor], input)) {
        return Mismatch(StepPath(at, "input_map['" + input.name + "']"),
                        "the tensor '" + plan_.tensors[link->tensor].name + "' is " +
                            Words(*specs_[link->tensor]) + Origin(link->tensor) + ", and '" +
                            step.model + "' takes " + Words(input));
      }
      binding_->steps[at].inputs.push_back(link->tensor);
    }
    for (const EnsembleStep::Link& link : step.inputs) {
      if (tensor::FindSpec(signature.inputs, link.name)) continue;
      return Mismatch(
          StepPath(at, "input_map['" + link.name + "']"),
          "'" + step.model + "' has no such input; there are: " + Names(signature.inputs));
    }
    return {};
  }

  std::string Origin(size_t tensor) const {
    const std::optional<size_t> step = plan_.tensors[tensor].step;
    if (!step) return " as the ensemble's input";
    return " as the output '" + specs_[tensor]->name + "' of '" + plan_.steps[*step].model + "'";
  }

  Result<void> CheckOutput(size_t at) const {
    const TensorSpec& told = plan_.signature.outputs[at];
    const size_t tensor = plan_.outputs[at];
    if (Fits(*specs_[tensor], told)) return {};
    return Mismatch("output[" + std::to_string(at) + "]",
                    "the ensemble says that '" + told.name + "' is " + Words(told) +
                        ", and it is " + Words(*specs_[tensor]) + Origin(tensor));
  }

  const EnsemblePlan& plan_;
  const FindMember& find_;
  std::shared_ptr<EnsembleBinding> binding_ = std::make_shared<EnsembleBinding>();
  std::vector<const TensorSpec*> specs_;  // of each tensor, by its origin
};

}  // namespace

Result<std::shared_ptr<const EnsembleBinding>> BindEnsemble(const EnsemblePlan& plan,
                                                            const FindMember& find) {
  return Binder(plan, find).Bind();
}

}  // namespace slipway::gateway
