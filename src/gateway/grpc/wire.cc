#include "gateway/grpc/wire.h"

#include <cstring>

namespace slipway::gateway::grpc {
namespace {

constexpr uint64_t kMaxFieldNumber = (1 << 29) - 1;

}  // namespace

std::optional<uint64_t> ReadVarint(std::string_view& bytes) {
  uint64_t value = 0;
  constexpr int kBits = 64;
  size_t at = 0;
  for (int shift = 0; shift < kBits && at < bytes.size(); shift += 7) {
    const auto byte = static_cast<uint8_t>(bytes[at++]);
    value |= uint64_t{byte & 0x7fu} << shift;
    if ((byte & 0x80) != 0) continue;
    bytes.remove_prefix(at);
    return value;
  }
  return std::nullopt;
}

bool WireReader::Next(WireField& field) {
  if (rest_.empty() || broken_) return false;
  const std::optional<uint64_t> tag = ReadVarint(rest_);
  if (!tag || *tag >> 3 == 0 || *tag >> 3 > kMaxFieldNumber) return Break();
  field.number = static_cast<uint32_t>(*tag >> 3);
  field.type = static_cast<WireType>(*tag & 7);
  switch (field.type) {
    case WireType::kVarint: {
      const std::optional<uint64_t> value = ReadVarint(rest_);
      if (!value) return Break();
      field.value = *value;
      return true;
    }
    case WireType::kBytes: {
      const std::optional<uint64_t> size = ReadVarint(rest_);
      if (!size || *size > rest_.size()) return Break();
      field.bytes = rest_.substr(0, *size);
      rest_.remove_prefix(*size);
      return true;
    }
    case WireType::kFixed64:
      return Fixed(sizeof(uint64_t), field);
    case WireType::kFixed32:
      return Fixed(sizeof(uint32_t), field);
  }
  return Break();
}

bool WireReader::Fixed(size_t bytes, WireField& field) {
  if (rest_.size() < bytes) return Break();
  field.value = 0;
  std::memcpy(&field.value, rest_.data(), bytes);
  rest_.remove_prefix(bytes);
  return true;
}

Error BrokenMessage(std::string_view message) {
  return InvalidArgument("MESSAGE_INVALID",
                         "the bytes are no " + std::string(message) + " in protobuf's format");
}

size_t VarintBytes(uint64_t value) {
  size_t bytes = 1;
  while (value >>= 7) ++bytes;
  return bytes;
}

void WireWriter::Element(uint32_t number, std::string_view bytes) {
  Head(number, bytes.size());
  out_.append(bytes);
}

void WireWriter::Head(uint32_t number, uint64_t bytes) {
  Tag(number, WireType::kBytes);
  Raw(bytes);
}

void WireWriter::Number(uint32_t number, uint64_t value) {
  Tag(number, WireType::kVarint);
  Raw(value);
}

void WireWriter::Fixed64(uint32_t number, uint64_t value) {
  Tag(number, WireType::kFixed64);
  out_.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void WireWriter::Fixed32(uint32_t number, uint32_t value) {
  Tag(number, WireType::kFixed32);
  out_.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void WireWriter::Tag(uint32_t number, WireType type) {
  Raw(uint64_t{number} << 3 | static_cast<uint64_t>(type));
}

void WireWriter::Raw(uint64_t value) {
  while (value >= 0x80) {
    out_ += static_cast<char>(value | 0x80);
    value >>= 7;
  }
  out_ += static_cast<char>(value);
}

}  // namespace slipway::gateway::grpc
