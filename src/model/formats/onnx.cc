#include "model/formats/onnx.h"

#include <algorithm>

#include "model/formats/onnx_graph.h"
#include "model/limits.h"

namespace slipway::model {
namespace {

// ModelProto.
constexpr uint32_t kIrVersion = 1;
constexpr uint32_t kProducerName = 2;
constexpr uint32_t kProducerVersion = 3;
constexpr uint32_t kGraph = 7;
constexpr uint32_t kOpsetImport = 8;
constexpr uint32_t kTrainingInfo = 20;
constexpr uint32_t kFunctions = 25;
// OperatorSetIdProto.
constexpr uint32_t kOpsetDomain = 1;
constexpr uint32_t kOpsetVersion = 2;
// GraphProto.
constexpr uint32_t kGraphName = 2;
constexpr uint32_t kGraphInput = 11;
constexpr uint32_t kGraphOutput = 12;

// ModelProto's own fields, and where the large ones are.
struct Outline {
  OnnxModel model;
  bool has_ir_version = false;
  std::optional<ProtobufMessage> graph;
  std::vector<ProtobufMessage> functions;
  std::vector<ProtobufMessage> trainings;
};

Result<OnnxOpset> ReadOpset(ProtobufReader& reader, ProtobufMessage message) {
  OnnxOpset opset;
  while (true) {
    TRY(field, reader.Next(message));
    if (!field) return opset;
    if (field->number == kOpsetDomain) {
      TRY(domain, reader.Text(*field, "the domain of an operator set", kMaxOnnxNameBytes));
      opset.domain = std::move(domain);
    } else if (field->number == kOpsetVersion) {
      TRY(version, reader.Int(*field, "the version of an operator set"));
      opset.version = version;
    }
  }
}

Result<void> TakeModelField(ProtobufReader& reader, const ProtobufField& field, Outline& out) {
  switch (field.number) {
    case kIrVersion: {
      TRY(version, reader.Int(field, "ir_version"));
      out.model.ir_version = version;
      out.has_ir_version = true;
      return {};
    }
    case kProducerName: {
      TRY(text, reader.Text(field, "producer_name", kMaxOnnxNameBytes));
      out.model.producer_name = std::move(text);
      return {};
    }
    case kProducerVersion: {
      TRY(text, reader.Text(field, "producer_version", kMaxOnnxNameBytes));
      out.model.producer_version = std::move(text);
      return {};
    }
    case kGraph: {
      if (out.graph) return ProtobufReader::Invalid(field.at, "the model has a second graph.");
      TRY(message, reader.Message(field, "the graph"));
      out.graph = message;
      return {};
    }
    case kOpsetImport: {
      if (out.model.opsets.size() >= kMaxOnnxOpsets) {
        return ProtobufReader::Invalid(field.at, "the model imports too many operator sets.");
      }
      TRY(message, reader.Message(field, "opset_import"));
      TRY(opset, ReadOpset(reader, message));
      out.model.opsets.push_back(std::move(opset));
      return {};
    }
    case kTrainingInfo:
    case kFunctions: {
      if (out.functions.size() + out.trainings.size() >= kMaxOnnxFunctions) {
        return ProtobufReader::Invalid(field.at, "the model has too many functions.");
      }
      TRY(message, reader.Message(field, "functions or training_info"));
      (field.number == kFunctions ? out.functions : out.trainings).push_back(message);
      return {};
    }
    default:
      return {};
  }
}

Result<Outline> ReadOutline(ProtobufReader& reader) {
  Outline outline;
  ProtobufMessage whole = reader.Whole();
  if (whole.end == 0) return ProtobufReader::Invalid(0, "the file is empty.");
  while (true) {
    TRY(field, reader.Next(whole));
    if (!field) break;
    TRY_VOID(TakeModelField(reader, *field, outline));
  }
  if (!outline.has_ir_version || outline.model.ir_version < 1) {
    return InvalidArgument("MODEL_INVALID", "ir_version is missing or below 1.");
  }
  if (!outline.graph) return InvalidArgument("MODEL_INVALID", "the model has no graph.");
  if (outline.model.opsets.empty() && outline.model.ir_version >= 3) {
    return InvalidArgument("MODEL_INVALID", "the model imports no operator set.");
  }
  return outline;
}

// Name, inputs and outputs of the graph.
Result<void> ReadGraphValues(ProtobufReader& reader, ProtobufMessage graph, OnnxModel& model) {
  while (true) {
    TRY(field, reader.Next(graph));
    if (!field) return {};
    if (field->number == kGraphName) {
      TRY(name, reader.Text(*field, "the graph's name", kMaxOnnxNameBytes));
      model.graph_name = std::move(name);
    } else if (field->number == kGraphInput || field->number == kGraphOutput) {
      const bool is_input = field->number == kGraphInput;
      std::vector<OnnxValue>& values = is_input ? model.inputs : model.outputs;
      if (values.size() >= kMaxOnnxValues) {
        return ProtobufReader::Invalid(field->at, "the graph has too many inputs or outputs.");
      }
      TRY(message, reader.Message(*field, "an input or output"));
      const std::string what = (is_input ? "input " : "output ") + std::to_string(values.size());
      TRY(value, ReadOnnxValue(reader, message, what));
      if (value.name.empty()) return ProtobufReader::Invalid(field->at, what + " has no name.");
      values.push_back(std::move(value));
    }
  }
}

Result<tensor::TensorSpec> SpecOf(const OnnxValue& value, std::string_view role) {
  if (value.type) return tensor::TensorSpec{value.name, *value.type, value.shape, value.symbols};
  std::string what = value.kind.empty() ? "a value without a type"
                     : value.kind == "tensor"
                         ? "a tensor of " + OnnxElementTypeName(value.element_type)
                         : "a " + value.kind;
  return InvalidArgument("MODEL_UNSUPPORTED",
                         std::string(role) + " '" + value.name + "' is " + what +
                             ", which the inference protocol does not have; export the model with "
                             "plain tensors (for classifiers: without zipmap).");
}

}  // namespace

Result<OnnxModel> ReadOnnx(File& file) {
  TRY(reader, ProtobufReader::Open(file, kMaxOnnxFields, kMaxOnnxTextBytes));
  TRY(outline, ReadOutline(reader));
  OnnxModel model = std::move(outline.model);
  TRY_VOID(ReadGraphValues(reader, *outline.graph, model));
  if (model.outputs.empty()) {
    return InvalidArgument("MODEL_INVALID", "the model's graph has no output.");
  }
  std::set<std::string> input_names;
  for (const OnnxValue& input : model.inputs) input_names.insert(input.name);
  OnnxTensorWalk walk(reader, std::move(input_names));
  TRY_VOID(walk.Graph(*outline.graph, 0));
  for (const ProtobufMessage& function : outline.functions) TRY_VOID(walk.Function(function));
  for (const ProtobufMessage& training : outline.trainings) TRY_VOID(walk.Training(training));
  std::erase_if(model.inputs,
                [&](const OnnxValue& input) { return walk.initialized().contains(input.name); });
  model.external_files.assign(walk.external_files().begin(), walk.external_files().end());
  return model;
}

Result<tensor::Signature> SignatureOf(const OnnxModel& model) {
  tensor::Signature signature;
  for (const OnnxValue& value : model.inputs) {
    TRY(spec, SpecOf(value, "input"));
    signature.inputs.push_back(std::move(spec));
  }
  for (const OnnxValue& value : model.outputs) {
    TRY(spec, SpecOf(value, "output"));
    signature.outputs.push_back(std::move(spec));
  }
  TRY_VOID(tensor::CheckSignature(signature));
  return signature;
}

}  // namespace slipway::model
