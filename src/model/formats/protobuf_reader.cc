#include "model/formats/protobuf_reader.h"

#include <algorithm>

#include "base/utf8.h"

namespace slipway::model {
namespace {

constexpr size_t kWindowBytes = 64 << 10;
constexpr uint32_t kMaxFieldNumber = (1u << 29) - 1;
constexpr size_t kMaxVarintBytes = 10;

}  // namespace

Error ProtobufReader::Invalid(uint64_t at, const std::string& what) {
  return Error(Code::kInvalidArgument, "MODEL_INVALID", "byte " + std::to_string(at) + ": " + what,
               {{"byte", std::to_string(at)}});
}

Error ProtobufReader::WrongType(const ProtobufField& field, std::string_view what,
                                std::string_view want) const {
  return Invalid(field.at, std::string(what) + " (field " + std::to_string(field.number) +
                               ") has wire type " + std::to_string(static_cast<int>(field.type)) +
                               ", " + std::string(want) + " is expected.");
}

Result<ProtobufReader> ProtobufReader::Open(File& file, uint64_t max_fields,
                                            uint64_t max_text_bytes) {
  TRY(info, file.Info());
  return ProtobufReader(file, info.size_bytes, max_fields, max_text_bytes);
}

// Makes the byte at `at`, which is inside of the file, part of the window.
Result<void> ProtobufReader::Fill(uint64_t at) {
  if (at >= window_at_ && at - window_at_ < window_.size()) return {};
  window_.resize(std::min<uint64_t>(kWindowBytes, size_bytes_ - at));
  size_t done = 0;
  while (done < window_.size()) {
    auto count = file_->ReadAt(at + done, window_.data() + done, window_.size() - done);
    if (!count) window_.clear();
    if (!count) return count.error();
    if (*count == 0) break;
    done += *count;
  }
  window_.resize(done);
  window_at_ = at;
  if (done == 0) return Invalid(at, "the file became shorter while it was read.");
  return {};
}

Result<uint64_t> ProtobufReader::Varint(uint64_t& at, uint64_t end) {
  const uint64_t begin = at;
  uint64_t value = 0;
  for (size_t i = 0; i < kMaxVarintBytes; ++i) {
    if (at >= end) return Invalid(begin, "a number is cut off at byte " + std::to_string(at) + ".");
    TRY_VOID(Fill(at));
    const auto byte = static_cast<uint8_t>(window_[at - window_at_]);
    ++at;
    if (i == kMaxVarintBytes - 1 && byte > 1) break;
    value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) return value;
  }
  return Invalid(begin, "a number has more than 64 bits.");
}

Result<uint64_t> ProtobufReader::Fixed(uint64_t& at, uint64_t end, size_t bytes) {
  if (end - at < bytes) return Invalid(at, "a fixed-width number is cut off.");
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; ++i, ++at) {
    TRY_VOID(Fill(at));
    value |= static_cast<uint64_t>(static_cast<uint8_t>(window_[at - window_at_])) << (8 * i);
  }
  return value;
}

Result<std::optional<ProtobufField>> ProtobufReader::Next(ProtobufMessage& message) {
  if (message.at >= message.end) return std::optional<ProtobufField>();
  if (fields_left_ == 0) return Invalid(message.at, "the file has too many fields.");
  --fields_left_;
  ProtobufField field;
  field.at = message.at;
  TRY(tag, Varint(message.at, message.end));
  if (tag >> 3 == 0 || tag >> 3 > kMaxFieldNumber) {
    return Invalid(field.at, "a field has the number " + std::to_string(tag >> 3) +
                                 ", which protobuf does not allow.");
  }
  field.number = static_cast<uint32_t>(tag >> 3);
  field.type = static_cast<WireType>(tag & 7);
  switch (tag & 7) {
    case 0: {
      TRY(value, Varint(message.at, message.end));
      field.value = value;
      break;
    }
    case 1:
    case 5: {
      TRY(value, Fixed(message.at, message.end, (tag & 7) == 1 ? 8 : 4));
      field.value = value;
      break;
    }
    case 2: {
      TRY(length, Varint(message.at, message.end));
      if (length > message.end - message.at) {
        return Invalid(field.at, "field " + std::to_string(field.number) + " says it has " +
                                     std::to_string(length) + " bytes, " +
                                     std::to_string(message.end - message.at) + " are left.");
      }
      field.begin = message.at;
      field.end = message.at = message.at + length;
      break;
    }
    default:
      return Invalid(field.at, "field " + std::to_string(field.number) + " has wire type " +
                                   std::to_string(tag & 7) + ", which is not used.");
  }
  return std::optional(field);
}

Result<ProtobufMessage> ProtobufReader::Message(const ProtobufField& field,
                                                std::string_view what) const {
  if (field.type != WireType::kLength) return WrongType(field, what, "a message");
  return ProtobufMessage{field.begin, field.end};
}

Result<int64_t> ProtobufReader::Int(const ProtobufField& field, std::string_view what) const {
  if (field.type != WireType::kVarint) return WrongType(field, what, "a whole number");
  return static_cast<int64_t>(field.value);
}

Result<std::string> ProtobufReader::Text(const ProtobufField& field, std::string_view what,
                                         size_t max_bytes) {
  if (field.type != WireType::kLength) return WrongType(field, what, "a text");
  const uint64_t size = field.end - field.begin;
  if (size > max_bytes) {
    return Invalid(field.at, std::string(what) + " has " + std::to_string(size) +
                                 " bytes, at most " + std::to_string(max_bytes) + " are allowed.");
  }
  if (size > text_bytes_left_) return Invalid(field.at, "the file has too much text in it.");
  text_bytes_left_ -= size;
  std::string text;
  text.reserve(size);
  while (text.size() < size) {
    const uint64_t at = field.begin + text.size();
    TRY_VOID(Fill(at));
    const std::string_view rest = std::string_view(window_).substr(at - window_at_);
    text.append(rest.substr(0, size - text.size()));
  }
  if (const std::optional<size_t> bad = FindInvalidUtf8(text)) {
    return Invalid(field.begin + *bad, std::string(what) + " is no UTF-8 text.");
  }
  return text;
}

Result<void> ProtobufReader::AppendInts(const ProtobufField& field, std::string_view what,
                                        size_t max, std::vector<int64_t>& out) {
  const auto append = [&](uint64_t value) -> Result<void> {
    if (out.size() >= max) {
      return Invalid(field.at,
                     std::string(what) + " has more than " + std::to_string(max) + " entries.");
    }
    out.push_back(static_cast<int64_t>(value));
    return {};
  };
  if (field.type == WireType::kVarint) return append(field.value);
  if (field.type != WireType::kLength) return WrongType(field, what, "whole numbers");
  for (uint64_t at = field.begin; at < field.end;) {
    TRY(value, Varint(at, field.end));
    TRY_VOID(append(value));
  }
  return {};
}

}  // namespace slipway::model
