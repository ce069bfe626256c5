// The parts of an ONNX file that the reader walks. For the .cc files of the ONNX reader.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "model/formats/onnx.h"
#include "model/formats/protobuf_reader.h"

namespace slipway::model {

// ValueInfoProto: name and type. `what` is for errors: "input 2".
Result<OnnxValue> ReadOnnxValue(ProtobufReader& reader, ProtobufMessage message,
                                const std::string& what);

// Collects the external data files of every tensor of a graph, its nodes and their sub-graphs, and
// the names of the graph's own initialisers that are also in `wanted_names`.
class OnnxTensorWalk {
 public:
  OnnxTensorWalk(ProtobufReader& reader, std::set<std::string> wanted_names)
      : reader_(reader), wanted_names_(std::move(wanted_names)) {}

  // `depth` counts sub-graphs; 0 is the model's own graph.
  Result<void> Graph(ProtobufMessage message, size_t depth);
  // FunctionProto and TrainingInfoProto hold nodes and graphs in fields of other numbers.
  Result<void> Function(ProtobufMessage message);
  Result<void> Training(ProtobufMessage message);

  const std::set<std::string>& initialized() const { return initialized_; }
  const std::set<std::string>& external_files() const { return external_files_; }

 private:
  Result<void> Node(ProtobufMessage message, size_t depth);
  Result<void> Attribute(ProtobufMessage message, size_t depth);
  Result<void> Tensor(ProtobufMessage message, bool initializer);
  Result<void> SparseTensor(ProtobufMessage message, bool initializer);
  Result<void> ExternalEntry(ProtobufMessage message, std::string& location);
  Result<void> AddExternalFile(const std::string& location, uint64_t at);

  ProtobufReader& reader_;
  const std::set<std::string> wanted_names_;
  std::set<std::string> initialized_;
  std::set<std::string> external_files_;
};

}  // namespace slipway::model
