#include "gateway/grpc/parameter.h"

#include <bit>
#include <charconv>
#include <string>

#include "gateway/grpc/wire.h"
#include "gateway/v2/signature_check.h"

namespace slipway::gateway::grpc {
namespace {

Error WrongKind(std::string_view key, std::string_view wanted) {
  return v2::MemberFault("parameters", "parameter '" + std::string(key.substr(0, 64)) +
                                           "' must be " + std::string(wanted));
}

Result<void> ReadValue(std::string_view bytes, Parameter& out) {
  WireReader reader(bytes);
  for (WireField field; reader.Next(field);) {
    if (field.Is(1, WireType::kVarint)) out.value = field.value != 0;
    if (field.Is(2, WireType::kVarint)) out.value = static_cast<int64_t>(field.value);
    if (field.IsBytes(3)) out.value = field.bytes;
    if (field.Is(4, WireType::kFixed64)) out.value = std::bit_cast<double>(field.value);
    if (field.Is(5, WireType::kVarint)) out.value = field.value;
  }
  if (reader.is_broken()) return BrokenMessage("InferParameter");
  return {};
}

}  // namespace

Result<bool> Parameter::AsBool() const {
  if (const bool* truth = std::get_if<bool>(&value)) return *truth;
  return WrongKind(key, "a boolean");
}

Result<uint64_t> Parameter::AsUnsigned() const {
  if (const uint64_t* number = std::get_if<uint64_t>(&value)) return *number;
  if (const int64_t* number = std::get_if<int64_t>(&value); number != nullptr && *number >= 0) {
    return static_cast<uint64_t>(*number);
  }
  if (const std::string_view* text = std::get_if<std::string_view>(&value)) {
    uint64_t number = 0;
    const char* const end = text->data() + text->size();
    const auto parsed = std::from_chars(text->data(), end, number);
    if (parsed.ec == std::errc() && parsed.ptr == end) return number;
  }
  return WrongKind(key, "a whole number that is not negative");
}

Result<std::string_view> Parameter::AsText() const {
  if (const std::string_view* text = std::get_if<std::string_view>(&value)) return *text;
  return WrongKind(key, "a text");
}

Result<Parameter> ReadParameter(std::string_view entry) {
  Parameter out;
  WireReader reader(entry);
  for (WireField field; reader.Next(field);) {
    if (field.IsBytes(1)) out.key = field.bytes;
    if (field.IsBytes(2)) TRY_VOID(ReadValue(field.bytes, out));
  }
  if (reader.is_broken()) return BrokenMessage("InferParameter");
  return out;
}

}  // namespace slipway::gateway::grpc
