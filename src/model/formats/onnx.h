// ONNX: what a model file says of itself, read from its protobuf without an engine. Only the
// structure is read: weights are skipped, so a file of 2 GB costs a few pages of memory.
// Source of the field numbers: onnx.proto3 of the ONNX project.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "tensor/signature.h"

namespace slipway::model {

struct OnnxOpset {
  std::string domain;  // empty: ai.onnx
  int64_t version = 0;
};

// An input or output of the graph.
struct OnnxValue {
  std::string name;
  std::string kind;          // "tensor", "sequence", "map", "optional", "sparse tensor",
                             // "opaque", or empty where no type is stated
  int32_t element_type = 0;  // TensorProto.DataType, 0 if it is not stated
  std::optional<tensor::DataType> type;  // of a tensor, where the V2 protocol has it
  tensor::Shape shape;                   // empty also where no shape is stated
  std::vector<std::string> symbols;      // dim_param of each dimension, empty where there is none
};

struct OnnxModel {
  int64_t ir_version = 0;
  std::string producer_name;
  std::string producer_version;
  std::string graph_name;
  std::vector<OnnxOpset> opsets;
  std::vector<OnnxValue> inputs;  // without those that an initialiser gives
  std::vector<OnnxValue> outputs;
  // Files beside the model that hold weights: sorted, relative, without `..`.
  std::vector<std::string> external_files;
};

// INVALID_ARGUMENT / MODEL_INVALID: the message begins with "byte N: " where a byte is to blame,
// and the detail "byte" is N.
Result<OnnxModel> ReadOnnx(File& file);

// The signature as V2 shows it. INVALID_ARGUMENT / MODEL_UNSUPPORTED names the first input or
// output that is no tensor, or has elements that the protocol does not have.
Result<tensor::Signature> SignatureOf(const OnnxModel& model);

// "float", "int4" and so on, as TensorProto.DataType spells it in lower case; else the number.
std::string OnnxElementTypeName(int32_t element_type);

}  // namespace slipway::model
