#include "gateway/v2/json_reader.h"

#include <string>
#include <utility>

#include "gateway/limits.h"
#include "gateway/v2/signature_check.h"

namespace slipway::gateway::v2 {
namespace {

template <class T>
Result<T> As(simdjson::simdjson_result<T> got, std::string_view name, std::string_view what) {
  T out;
  if (std::move(got).get(out) == simdjson::SUCCESS) return out;
  return MemberFault(name, what);
}

Result<void> SkipScalar(ondemand::value& value, size_t byte) {
  simdjson::error_code error = simdjson::SUCCESS;
  switch (*value.raw_json_token().data()) {
    case '"':
      error = value.get_string().error();
      break;
    case 't':
    case 'f':
      error = value.get_bool().error();
      break;
    case 'n': {
      bool null = false;
      error = value.is_null().get(null);
      if (error == simdjson::SUCCESS && !null) error = simdjson::N_ATOM_ERROR;
      break;
    }
    default:
      error = value.get_number().error();
  }
  if (error == simdjson::SUCCESS) return {};
  return SyntaxFault(simdjson::error_message(error), byte);
}

}  // namespace

bool MemberLoop::Next() {
  if (error_ != simdjson::SUCCESS) return false;
  if (!first_) ++at_;
  first_ = false;
  if (!(at_ != end_)) return false;
  ondemand::field field;
  error_ = (*at_).get(field);
  if (error_ != simdjson::SUCCESS) return false;
  byte_ = place_.Byte(field.key().raw());
  error_ = field.unescaped_key().get(key_);
  if (error_ != simdjson::SUCCESS) return false;
  value_ = field.value();
  return true;
}

Result<void> MemberLoop::End() const {
  if (error_ == simdjson::SUCCESS) return {};
  return SyntaxFault(simdjson::error_message(error_), byte_);
}

Result<std::string_view> AsString(ondemand::value& value, std::string_view name) {
  return As(value.get_string(), name, "attempt to access JSON non-string as string");
}
Result<ondemand::array> AsArray(ondemand::value& value, std::string_view name) {
  return As(value.get_array(), name, "attempt to access JSON non-array as array");
}
Result<ondemand::object> AsObject(ondemand::value& value, std::string_view name) {
  return As(value.get_object(), name, "attempt to access JSON non-object as object");
}
Result<int64_t> AsInteger(ondemand::value& value, std::string_view name) {
  return As(value.get_int64(), name, "attempt to access JSON non-signed-integer as signed-integer");
}
Result<uint64_t> AsUnsigned(ondemand::value& value, std::string_view name) {
  return As(value.get_uint64(), name,
            "attempt to access JSON non-unsigned-integer as unsigned-integer");
}
Result<bool> AsBool(ondemand::value& value, std::string_view name) {
  return As(value.get_bool(), name, "attempt to access JSON non-boolean as boolean");
}

Result<void> Skip(ondemand::value& value, int depth, const JsonPlace& place) {
  const char* at = value.raw_json_token().data();
  const size_t byte = place.Byte(at);
  if (*at != '{' && *at != '[') return SkipScalar(value, byte);
  if (depth >= kMaxJsonDepth) return DepthFault(byte);
  if (*at == '{') {
    TRY(object, AsObject(value, "object"));
    MemberLoop loop(object, place);
    while (loop.Next()) TRY_VOID(Skip(loop.value(), depth + 1, place));
    return loop.End();
  }
  TRY(array, AsArray(value, "array"));
  for (auto item : array) {
    ondemand::value element;
    if (const auto error = item.get(element); error != simdjson::SUCCESS) {
      return SyntaxFault(simdjson::error_message(error), byte);
    }
    TRY_VOID(Skip(element, depth + 1, place));
  }
  return {};
}

}  // namespace slipway::gateway::v2
