// The wire format of protocol buffers: reading fields in place, writing them behind each other.
//
// Source: protobuf.dev, "Encoding". Groups are not read: no message of ours has them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway::gateway::grpc {

enum class WireType : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

struct WireField {
  uint32_t number = 0;
  WireType type = WireType::kVarint;
  uint64_t value = 0;      // of kVarint, kFixed64, kFixed32
  std::string_view bytes;  // of kBytes

  // Whether it is the field `wanted` with the type that its kind has; a field of another type is
  // as good as unknown.
  bool Is(uint32_t wanted, WireType wanted_type) const {
    return number == wanted && type == wanted_type;
  }
  bool IsBytes(uint32_t wanted) const { return Is(wanted, WireType::kBytes); }
};

// Reads one varint and moves on; nothing when it is cut off or too long.
std::optional<uint64_t> ReadVarint(std::string_view& bytes);

class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : rest_(bytes) {}
  // false at the end, and at what is no field: is_broken() then.
  bool Next(WireField& field);
  bool is_broken() const { return broken_; }

 private:
  bool Break() {
    broken_ = true;
    return false;
  }
  bool Fixed(size_t bytes, WireField& field);

  std::string_view rest_;
  bool broken_ = false;
};

// INVALID_ARGUMENT / MESSAGE_INVALID: bytes that are no `message`.
Error BrokenMessage(std::string_view message);
// The first `kStrings` string fields of a small message, by number; of each the last value counts.
template <size_t kStrings>
Result<std::array<std::string_view, kStrings + 1>> ReadStrings(std::string_view bytes,
                                                               std::string_view message) {
  std::array<std::string_view, kStrings + 1> texts;
  WireReader reader(bytes);
  for (WireField field; reader.Next(field);) {
    if (field.type == WireType::kBytes && field.number <= kStrings) {
      texts[field.number] = field.bytes;
    }
  }
  if (reader.is_broken()) return BrokenMessage(message);
  return texts;
}

size_t VarintBytes(uint64_t value);

// Appends to a string. Values that are the default are left out, as proto3 does, where nothing else
// is said.
class WireWriter {
 public:
  explicit WireWriter(std::string& out) : out_(out) {}

  void Varint(uint32_t number, uint64_t value) {
    if (value != 0) Number(number, value);
  }
  // There even when they are zero.
  void Number(uint32_t number, uint64_t value);
  void Fixed64(uint32_t number, uint64_t value);
  void Fixed32(uint32_t number, uint32_t value);
  void Bool(uint32_t number, bool value) { Varint(number, value ? 1 : 0); }
  void Bytes(uint32_t number, std::string_view bytes) {
    if (!bytes.empty()) Element(number, bytes);
  }
  // Of a repeated field, or a message: there even when it is empty.
  void Element(uint32_t number, std::string_view bytes);
  // The head of a field whose `bytes` bytes the caller appends.
  void Head(uint32_t number, uint64_t bytes);
  // Packed, as repeated numbers are.
  template <class Range>
  void Packed(uint32_t number, const Range& values) {
    size_t bytes = 0;
    for (const auto value : values) bytes += VarintBytes(static_cast<uint64_t>(value));
    if (bytes == 0) return;
    Head(number, bytes);
    for (const auto value : values) Raw(static_cast<uint64_t>(value));
  }

 private:
  void Tag(uint32_t number, WireType type);
  void Raw(uint64_t value);

  std::string& out_;
};

}  // namespace slipway::gateway::grpc
