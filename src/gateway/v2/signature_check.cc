#include "gateway/v2/signature_check.h"

#include <algorithm>
#include <optional>

namespace slipway::gateway::v2 {

Error MemberFault(std::string_view member, std::string_view what) {
  return InvalidArgument("REQUEST_INVALID",
                         "Unable to parse '" + std::string(member) + "': " + std::string(what));
}

Result<size_t> TakeInput(const ModelFace& model, std::string_view name,
                         std::vector<uint8_t>& seen) {
  const std::optional<size_t> at = tensor::FindSpec(model.signature.inputs, name);
  if (!at) {
    return InvalidArgument("INPUT_UNKNOWN", "unexpected inference input '" + std::string(name) +
                                                "' for model '" + std::string(model.name) + "'");
  }
  if (seen[*at] != 0) {
    return InvalidArgument("INPUT_REPEATED",
                           "input '" + std::string(name) + "' already exists in request");
  }
  seen[*at] = 1;
  return *at;
}

Result<void> CheckType(const ModelFace& model, size_t input, std::string_view datatype) {
  const tensor::TensorSpec& spec = model.signature.inputs[input];
  if (datatype == DataTypeName(spec.type)) return {};
  if (!tensor::ParseDataType(datatype)) {
    return MemberFault("datatype", "'" + std::string(datatype.substr(0, 64)) + "' of input '" +
                                       spec.name + "' is no data type of the protocol");
  }
  return InvalidArgument("INPUT_TYPE", "inference input '" + spec.name + "' data-type is '" +
                                           std::string(datatype) + "', but model '" +
                                           std::string(model.name) + "' expects '" +
                                           std::string(DataTypeName(spec.type)) + "'");
}

Result<uint64_t> CheckShape(const ModelFace& model, size_t input, const tensor::Shape& shape) {
  const tensor::TensorSpec& spec = model.signature.inputs[input];
  const Result<uint64_t> count = shape.ElementCount();
  if (count.has_error()) {
    return MemberFault("shape", "input '" + spec.name + "': " + count.error().message());
  }
  if (!tensor::Matches(spec, shape)) {
    return InvalidArgument("INPUT_SHAPE", "unexpected shape for input '" + spec.name +
                                              "' for model '" + std::string(model.name) +
                                              "'. Expected " + spec.shape.ToString() + ", got " +
                                              shape.ToString());
  }
  return *count;
}

Result<void> CheckComplete(const ModelFace& model, const std::vector<uint8_t>& seen) {
  if (std::find(seen.begin(), seen.end(), 0) == seen.end()) return {};
  std::string got;
  std::string missing;
  for (size_t i = 0; i < seen.size(); ++i) {
    std::string& list = seen[i] != 0 ? got : missing;
    list += (list.empty() ? "'" : ",'") + model.signature.inputs[i].name + "'";
  }
  const auto count = std::count(seen.begin(), seen.end(), 1);
  return InvalidArgument(
      "INPUT_MISSING", "expected " + std::to_string(seen.size()) + " inputs but got " +
                           std::to_string(count) + " inputs for model '" + std::string(model.name) +
                           "'. Got input(s) [" + got + "], but missing required input(s) [" +
                           missing + "]. Please provide all required input(s).");
}

Result<void> WantOutput(const ModelFace& model, std::string_view name, OutputForm form,
                        InferRequest& request) {
  const auto at = tensor::FindSpec(model.signature.outputs, name);
  if (!at) {
    return InvalidArgument("OUTPUT_UNKNOWN", "unexpected inference output '" + std::string(name) +
                                                 "' for model '" + std::string(model.name) + "'");
  }
  const auto position = static_cast<uint32_t>(*at);
  if (std::find(request.wanted.begin(), request.wanted.end(), position) != request.wanted.end()) {
    return InvalidArgument("OUTPUT_REPEATED",
                           "output '" + std::string(name) + "' is requested more than once");
  }
  request.Want(position, form);
  return {};
}

}  // namespace slipway::gateway::v2
