// ProtobufReader: a bounded walk over protobuf's wire format in a file, without its schema and
// without reading what nobody asks for. Source: the Protocol Buffers encoding guide.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"

namespace slipway::model {

enum class WireType : uint8_t { kVarint = 0, kFixed64 = 1, kLength = 2, kFixed32 = 5 };

// One field as it stands in the file. Length-delimited content is [begin, end) and is not read.
struct ProtobufField {
  uint32_t number = 0;
  WireType type = WireType::kVarint;
  uint64_t at = 0;     // where the field's tag begins
  uint64_t value = 0;  // of a varint or a fixed-width field
  uint64_t begin = 0;
  uint64_t end = 0;
};

// A message in the file: what is left of it.
struct ProtobufMessage {
  uint64_t at = 0;
  uint64_t end = 0;
};

// Not thread-safe. Errors: INVALID_ARGUMENT / MODEL_INVALID; the message begins with "byte N: " and
// the detail "byte" is N.
class ProtobufReader {
 public:
  // In all, at most `max_fields` fields are walked over and `max_text_bytes` of text are read.
  static Result<ProtobufReader> Open(File& file, uint64_t max_fields, uint64_t max_text_bytes);

  ProtobufMessage Whole() const { return {0, size_bytes_}; }
  // The next field of the message, or nothing at its end.
  Result<std::optional<ProtobufField>> Next(ProtobufMessage& message);

  // The content of a field, after checking that it is of the right wire type; `what` names it.
  Result<ProtobufMessage> Message(const ProtobufField& field, std::string_view what) const;
  Result<int64_t> Int(const ProtobufField& field, std::string_view what) const;
  // UTF-8, at most `max_bytes`; the error names the first byte that is not.
  Result<std::string> Text(const ProtobufField& field, std::string_view what, size_t max_bytes);
  // Adds the numbers of a repeated integer field, packed or not, to `out`, which holds `max` at
  // most.
  Result<void> AppendInts(const ProtobufField& field, std::string_view what, size_t max,
                          std::vector<int64_t>& out);

  static Error Invalid(uint64_t at, const std::string& what);

 private:
  ProtobufReader(File& file, uint64_t size_bytes, uint64_t max_fields, uint64_t max_text_bytes)
      : file_(&file),
        size_bytes_(size_bytes),
        fields_left_(max_fields),
        text_bytes_left_(max_text_bytes) {}

  Result<void> Fill(uint64_t at);
  Result<uint64_t> Varint(uint64_t& at, uint64_t end);
  Result<uint64_t> Fixed(uint64_t& at, uint64_t end, size_t bytes);
  Error WrongType(const ProtobufField& field, std::string_view what, std::string_view want) const;

  File* file_;
  uint64_t size_bytes_;
  uint64_t fields_left_;
  uint64_t text_bytes_left_;
  // A window of the file: window_ holds the bytes from window_at_ on.
  uint64_t window_at_ = 0;
  std::string window_;
};

}  // namespace slipway::model
