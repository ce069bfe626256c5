// TensorSpec: an input or output, as resources that speak of models describe it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "resource/kinds.h"

namespace slipway::resource {

struct TensorSpec {
  std::string name;
  std::string datatype;        // as V2 spells it: FP32, INT64, BYTES ...
  std::vector<int64_t> shape;  // -1: any
};
BOOST_DESCRIBE_STRUCT(TensorSpec, (), (name, datatype, shape))

}  // namespace slipway::resource

template <>
struct slipway::Description<slipway::resource::TensorSpec> {
  static constexpr std::string_view kText = "An input or output of a model.";
  static constexpr FieldText kFields[] = {
      {.name = "name", .text = "Its name in the model."},
      {.name = "datatype", .text = "As the Open Inference Protocol spells it: FP32, INT64, BYTES."},
      {.name = "shape", .text = "Its dimensions; -1: any."},
  };
};
