#include "tensor/data_type.h"

#include <array>

namespace slipway::tensor {
namespace {

struct Row {
  DataType type;
  std::string_view name;
  size_t size;
};

// In the order of the enumerators, which start at 1.
constexpr std::array kRows = {
    Row{DataType::kBool, "BOOL", 1},     Row{DataType::kUint8, "UINT8", 1},
    Row{DataType::kUint16, "UINT16", 2}, Row{DataType::kUint32, "UINT32", 4},
    Row{DataType::kUint64, "UINT64", 8}, Row{DataType::kInt8, "INT8", 1},
    Row{DataType::kInt16, "INT16", 2},   Row{DataType::kInt32, "INT32", 4},
    Row{DataType::kInt64, "INT64", 8},   Row{DataType::kFp16, "FP16", 2},
    Row{DataType::kFp32, "FP32", 4},     Row{DataType::kFp64, "FP64", 8},
    Row{DataType::kBytes, "BYTES", 0},   Row{DataType::kBf16, "BF16", 2},
};

const Row& RowOf(DataType type) {
  return kRows[static_cast<size_t>(type) - 1];
}

}  // namespace

std::string_view DataTypeName(DataType type) {
  return RowOf(type).name;
}

std::optional<DataType> ParseDataType(std::string_view name) {
  for (const Row& row : kRows) {
    if (row.name == name) return row.type;
  }
  return std::nullopt;
}

std::optional<DataType> DataTypeFromNumber(uint32_t number) {
  if (number < 1 || number > kRows.size()) return std::nullopt;
  return kRows[number - 1].type;
}

size_t ElementSize(DataType type) {
  return RowOf(type).size;
}

}  // namespace slipway::tensor
