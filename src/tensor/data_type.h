// DataType: the element types of the Open Inference Protocol, and BF16.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace slipway::tensor {

// The numbers are part of the plugin table (engine/plugin.h): never renumber.
enum class DataType : uint8_t {
  kBool = 1,
  kUint8 = 2,
  kUint16 = 3,
  kUint32 = 4,
  kUint64 = 5,
  kInt8 = 6,
  kInt16 = 7,
  kInt32 = 8,
  kInt64 = 9,
  kFp16 = 10,
  kFp32 = 11,
  kFp64 = 12,
  kBytes = 13,
  kBf16 = 14,
};

// "FP32" and so on, as the protocol spells it.
std::string_view DataTypeName(DataType type);
// Exact, upper case; nothing for other texts.
std::optional<DataType> ParseDataType(std::string_view name);
// The type of a number of the plugin table, or nothing.
std::optional<DataType> DataTypeFromNumber(uint32_t number);
// Bytes of one element; 0 for BYTES, whose elements have a length of their own.
size_t ElementSize(DataType type);

}  // namespace slipway::tensor
