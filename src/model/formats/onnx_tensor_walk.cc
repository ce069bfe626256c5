#include "model/formats/onnx_graph.h"
#include "model/limits.h"
#include "model/path.h"

namespace slipway::model {
namespace {

// GraphProto.
constexpr uint32_t kGraphNode = 1;
constexpr uint32_t kGraphInitializer = 5;
constexpr uint32_t kGraphSparseInitializer = 15;
// NodeProto.
constexpr uint32_t kNodeAttribute = 5;
// AttributeProto.
constexpr uint32_t kAttributeTensor = 5;
constexpr uint32_t kAttributeGraph = 6;
constexpr uint32_t kAttributeTensors = 10;
constexpr uint32_t kAttributeGraphs = 11;
constexpr uint32_t kAttributeSparseTensor = 22;
constexpr uint32_t kAttributeSparseTensors = 23;
// TensorProto.
constexpr uint32_t kTensorName = 8;
constexpr uint32_t kTensorExternalData = 13;
constexpr uint32_t kTensorDataLocation = 14;
constexpr int64_t kExternal = 1;
// SparseTensorProto.
constexpr uint32_t kSparseValues = 1;
constexpr uint32_t kSparseIndices = 2;
// StringStringEntryProto.
constexpr uint32_t kEntryKey = 1;
constexpr uint32_t kEntryValue = 2;
// FunctionProto.
constexpr uint32_t kFunctionNode = 7;
// TrainingInfoProto.
constexpr uint32_t kTrainingInitialization = 1;
constexpr uint32_t kTrainingAlgorithm = 2;

}  // namespace

Result<void> OnnxTensorWalk::Graph(ProtobufMessage message, size_t depth) {
  if (depth > kMaxOnnxDepth) {
    return ProtobufReader::Invalid(
        message.at, "sub-graphs are nested more than " + std::to_string(kMaxOnnxDepth) + " deep.");
  }
  while (true) {
    TRY(field, reader_.Next(message));
    if (!field) return {};
    if (field->number == kGraphNode) {
      TRY(node, reader_.Message(*field, "a node"));
      TRY_VOID(Node(node, depth));
    } else if (field->number == kGraphInitializer) {
      TRY(tensor, reader_.Message(*field, "an initializer"));
      TRY_VOID(Tensor(tensor, depth == 0));
    } else if (field->number == kGraphSparseInitializer) {
      TRY(tensor, reader_.Message(*field, "a sparse initializer"));
      TRY_VOID(SparseTensor(tensor, depth == 0));
    }
  }
}

Result<void> OnnxTensorWalk::Function(ProtobufMessage message) {
  while (true) {
    TRY(field, reader_.Next(message));
    if (!field) return {};
    if (field->number != kFunctionNode) continue;
    TRY(node, reader_.Message(*field, "a node"));
    TRY_VOID(Node(node, 1));
  }
}

Result<void> OnnxTensorWalk::Training(ProtobufMessage message) {
  while (true) {
    TRY(field, reader_.Next(message));
    if (!field) return {};
    if (field->number != kTrainingInitialization && field->number != kTrainingAlgorithm) continue;
    TRY(graph, reader_.Message(*field, "a training graph"));
    TRY_VOID(Graph(graph, 1));
  }
}

Result<void> OnnxTensorWalk::Node(ProtobufMessage message, size_t depth) {
  while (true) {
    TRY(field, reader_.Next(message));
    if (!field) return {};
    if (field->number != kNodeAttribute) continue;
    TRY(attribute, reader_.Message(*field, "an attribute"));
    TRY_VOID(Attribute(attribute, depth));
  }
}

Result<void> OnnxTensorWalk::Attribute(ProtobufMessage message, size_t depth) {
  while (true) {
    TRY(field, reader_.Next(message));
    if (!field) return {};
    switch (field->number) {
      case kAttributeTensor:
      case kAttributeTensors: {
        TRY(tensor, reader_.Message(*field, "a tensor"));
        TRY_VOID(Tensor(tensor, false));
        break;
      }
      case kAttributeGraph:
      case kAttributeGraphs: {
        TRY(graph, reader_.Message(*field, "a sub-graph"));
        TRY_VOID(Graph(graph, depth + 1));
        break;
      }
      case kAttributeSparseTensor:
      case kAttributeSparseTensors: {
        TRY(tensor, reader_.Message(*field, "a sparse tensor"));
        TRY_VOID(SparseTensor(tensor, false));
        break;
      }
      default:
        break;
    }
  }
}

Result<void> OnnxTensorWalk::Tensor(ProtobufMessage message, bool initializer) {
  const uint64_t at = message.at;
  bool external = false;
  std::string location;
  while (true) {
    TRY(field, reader_.Next(message));
    if (!field) break;
    if (field->number == kTensorName && initializer) {
      TRY(name, reader_.Text(*field, "the name of an initializer", kMaxOnnxNameBytes));
      if (wanted_names_.contains(name)) initialized_.insert(std::move(name));
    } else if (field->number == kTensorDataLocation) {
      TRY(where, reader_.Int(*field, "data_location"));
      external = where == kExternal;
    } else if (field->number == kTensorExternalData) {
      TRY(entry, reader_.Message(*field, "external_data"));
      TRY_VOID(ExternalEntry(entry, location));
    }
  }
  return external ? AddExternalFile(location, at) : Result<void>();
}

Result<void> OnnxTensorWalk::SparseTensor(ProtobufMessage message, bool initializer) {
  while (true) {
    TRY(field, reader_.Next(message));
    if (!field) return {};
    if (field->number != kSparseValues && field->number != kSparseIndices) continue;
    TRY(tensor, reader_.Message(*field, "the values of a sparse tensor"));
    TRY_VOID(Tensor(tensor, initializer && field->number == kSparseValues));
  }
}

Result<void> OnnxTensorWalk::ExternalEntry(ProtobufMessage message, std::string& location) {
  std::string key;
  std::string value;
  while (true) {
    TRY(field, reader_.Next(message));
    if (!field) break;
    if (field->number != kEntryKey && field->number != kEntryValue) continue;
    TRY(text, reader_.Text(*field, "an entry of external_data", kMaxOnnxNameBytes));
    (field->number == kEntryKey ? key : value) = std::move(text);
  }
  if (key == "location") location = std::move(value);
  return {};
}

Result<void> OnnxTensorWalk::AddExternalFile(const std::string& location, uint64_t at) {
  const auto path = NormalizePath(location);
  if (!path) {
    return ProtobufReader::Invalid(
        at, "a tensor's data is in a file that cannot be used: " + path.error().message());
  }
  external_files_.insert(*path);
  if (external_files_.size() > kMaxOnnxExternalFiles) {
    return ProtobufReader::Invalid(at, "the model's data is in more than " +
                                           std::to_string(kMaxOnnxExternalFiles) + " files.");
  }
  return {};
}

}  // namespace slipway::model
