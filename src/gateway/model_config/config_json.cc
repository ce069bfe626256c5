#include "gateway/model_config/config_json.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <optional>
#include <vector>

#include <nlohmann/json.hpp>

#include "gateway/grpc/wire.h"
#include "gateway/limits.h"
#include "gateway/model_config/schema.h"

namespace slipway::gateway::model_config {
namespace {

Error Fault(const std::string& at, std::string_view what) {
  return InvalidArgument("CONFIG_JSON",
                         (at.empty() ? "the configuration" : at) + ": " + std::string(what));
}

// The integer that a value is, if it is one: also as text, and as 4.0.
template <class T>
std::optional<T> AsInteger(const Json& given) {
  if (given.is_number_unsigned()) {
    const auto number = given.get<uint64_t>();
    if (std::in_range<T>(number)) return static_cast<T>(number);
  } else if (given.is_number_integer()) {
    const auto number = given.get<int64_t>();
    if (std::in_range<T>(number)) return static_cast<T>(number);
  } else if (given.is_number_float()) {
    const auto number = given.get<double>();
    constexpr double kExact = 9007199254740992.0;
    if (std::trunc(number) == number && std::abs(number) <= kExact) {
      const auto whole = static_cast<int64_t>(number);
      if (std::in_range<T>(whole)) return static_cast<T>(whole);
    }
  } else if (given.is_string()) {
    const auto& text = given.get_ref<const std::string&>();
    T number = 0;
    const char* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, number);
    if (parsed.ec == std::errc() && parsed.ptr == end) return number;
  }
  return std::nullopt;
}

Result<Json> ReadSigned(const Field& field, const Json& given, const std::string& at) {
  const auto number = AsInteger<int64_t>(given);
  const bool fits = number && (field.bits == 64 || std::in_range<int32_t>(*number));
  if (!fits)
    return Fault(at, "a whole number of " + std::to_string(field.bits) + " bits is wanted");
  return Json(*number);
}

Result<Json> ReadUnsigned(const Field& field, const Json& given, const std::string& at) {
  const auto number = AsInteger<uint64_t>(given);
  const bool fits = number && (field.bits == 64 || std::in_range<uint32_t>(*number));
  if (!fits) {
    return Fault(
        at, "a whole number of " + std::to_string(field.bits) + " bits, not negative, is wanted");
  }
  return Json(*number);
}

Result<Json> ReadEnum(const Field& field, const Json& given, const std::string& at) {
  const auto number = AsInteger<int32_t>(given);
  std::string names;
  for (const auto& [name, value] : field.enumeration->values) {
    if (given == name || (number && *number == value)) return Json(name);
    names += (names.empty() ? "" : ", ") + name;
  }
  return Fault(at, "one of " + names + " is wanted");
}

Result<Json> ReadMessage(const Message& message, const Json& given, const std::string& at);

Result<Json> ReadValue(const Field& field, const Json& given, const std::string& at) {
  switch (field.kind) {
    case Kind::kBool:
      if (!given.is_boolean()) return Fault(at, "true or false is wanted");
      return given;
    case Kind::kSigned:
      return ReadSigned(field, given, at);
    case Kind::kUnsigned:
      return ReadUnsigned(field, given, at);
    case Kind::kFloat:
      if (!given.is_number()) return Fault(at, "a number is wanted");
      return Json(given.get<double>());
    case Kind::kString:
      if (!given.is_string()) return Fault(at, "a string is wanted");
      return given;
    case Kind::kEnum:
      return ReadEnum(field, given, at);
    case Kind::kMessage:
      return ReadMessage(*field.message, given, at);
  }
  return Fault(at, "an unknown kind of field");
}

Result<Json> ReadMap(const Field& field, const Json& given, const std::string& at) {
  if (!given.is_object()) return Fault(at, "an object is wanted");
  if (given.size() > kMaxConfigItems) {
    return Fault(at, "more than " + std::to_string(kMaxConfigItems) + " entries");
  }
  const Field& key_field = field.message->Of("key");
  const Field& value_field = field.message->Of("value");
  Json out = Json::object();
  for (const auto& [key, value] : given.items()) {
    const std::string key_at = at + "[" + key + "]";
    if (key_field.kind != Kind::kString) TRY_VOID(ReadValue(key_field, Json(key), key_at));
    TRY(read, ReadValue(value_field, value, key_at));
    out[key] = std::move(read);
  }
  return out;
}

Result<Json> ReadField(const Field& field, const Json& given, const std::string& at) {
  if (field.is_map) return ReadMap(field, given, at);
  if (!field.is_repeated) return ReadValue(field, given, at);
  if (!given.is_array()) return Fault(at, "a list is wanted");
  if (given.size() > kMaxConfigItems) {
    return Fault(at, "more than " + std::to_string(kMaxConfigItems) + " entries");
  }
  Json out = Json::array();
  for (size_t i = 0; i < given.size(); ++i) {
    TRY(read, ReadValue(field, given[i], at + "[" + std::to_string(i) + "]"));
    out.push_back(std::move(read));
  }
  return out;
}

Result<Json> ReadMessage(const Message& message, const Json& given, const std::string& at) {
  if (!given.is_object()) return Fault(at, "an object is wanted");
  std::vector<bool> chosen(message.fields.size(), false);
  Json out = Json::object();
  for (const auto& [name, value] : given.items()) {
    const std::string member = at.empty() ? name : at + "." + name;
    const Field* field = message.Find(name);
    if (field == nullptr) return Fault(member, message.name + " has no such field");
    if (value.is_null()) continue;
    if (out.contains(field->name)) return Fault(member, "it is there more than once");
    for (const Field& other : message.fields) {
      if (field->oneof < 0 || other.oneof != field->oneof || !out.contains(other.name)) continue;
      return Fault(member, "it and '" + other.name + "' exclude each other");
    }
    TRY(read, ReadField(*field, value, member));
    out[field->name] = std::move(read);
  }
  return out;
}

Json DefaultOf(const Field& field) {
  if (field.is_map) return Json::object();
  if (field.is_repeated) return Json::array();
  switch (field.kind) {
    case Kind::kBool:
      return false;
    case Kind::kSigned:
    case Kind::kUnsigned:
      return 0;
    case Kind::kFloat:
      return 0.0;
    case Kind::kString:
      return "";
    case Kind::kEnum:
      return field.enumeration->values.front().first;
    case Kind::kMessage:
      break;
  }
  return Json::object();
}

Json Complete(const Message& message, const Json& config);

Json CompleteValue(const Field& field, const Json& value) {
  if (field.kind != Kind::kMessage) return value;
  if (field.is_map) {
    const Field& value_field = field.message->Of("value");
    Json out = Json::object();
    for (const auto& [key, entry] : value.items()) out[key] = CompleteValue(value_field, entry);
    return out;
  }
  if (!field.is_repeated) return Complete(*field.message, value);
  Json out = Json::array();
  for (const Json& item : value) out.push_back(Complete(*field.message, item));
  return out;
}

Json Complete(const Message& message, const Json& config) {
  Json out = Json::object();
  for (const Field& field : message.fields) {
    const auto found = config.find(field.name);
    if (found != config.end()) {
      out[field.name] = CompleteValue(field, *found);
    } else if (field.HasDefault()) {
      out[field.name] = DefaultOf(field);
    }
  }
  return out;
}

using grpc::WireWriter;

void WriteMessage(const Message& message, const Json& config, std::string& out);

template <class T>
void AppendFixed(T number, std::string& out) {
  out.append(reinterpret_cast<const char*>(&number), sizeof(number));
}

// Of an integer, a bool or an enumerator: what stands in its varint.
uint64_t VarintOf(const Field& field, const Json& value) {
  if (field.kind == Kind::kBool) return value.get<bool>() ? 1 : 0;
  if (field.kind == Kind::kUnsigned) return value.get<uint64_t>();
  if (field.kind == Kind::kSigned) return static_cast<uint64_t>(value.get<int64_t>());
  for (const auto& [name, number] : field.enumeration->values) {
    if (value == name) return static_cast<uint64_t>(number);
  }
  return 0;
}

// Numbers of a list are packed.
void WritePacked(const Field& field, const Json& values, WireWriter& out) {
  if (field.kind != Kind::kFloat) {
    std::vector<uint64_t> numbers;
    for (const Json& value : values) numbers.push_back(VarintOf(field, value));
    return out.Packed(field.number, numbers);
  }
  std::string bytes;
  for (const Json& value : values) {
    const auto number = value.get<double>();
    field.bits == 64 ? AppendFixed(number, bytes) : AppendFixed(static_cast<float>(number), bytes);
  }
  if (!bytes.empty()) out.Element(field.number, bytes);
}

// A value that is there: also one that is its default, in lists and where it is a choice.
void WriteOne(const Field& field, const Json& value, std::string& out) {
  WireWriter writer(out);
  const bool is_shown = field.is_repeated || field.oneof >= 0;
  if (field.kind == Kind::kMessage) {
    std::string text;
    WriteMessage(*field.message, value, text);
    writer.Element(field.number, text);
  } else if (field.kind == Kind::kString) {
    const auto& text = value.get_ref<const std::string&>();
    is_shown ? writer.Element(field.number, text) : writer.Bytes(field.number, text);
  } else if (field.kind != Kind::kFloat && is_shown) {
    // A list of one is written as the number itself when it is read without packing.
    writer.Number(field.number, VarintOf(field, value));
  } else if (field.kind != Kind::kFloat) {
    writer.Varint(field.number, VarintOf(field, value));
  } else if (value.get<double>() != 0 || is_shown) {
    const auto number = value.get<double>();
    field.bits == 64
        ? writer.Fixed64(field.number, std::bit_cast<uint64_t>(number))
        : writer.Fixed32(field.number, std::bit_cast<uint32_t>(static_cast<float>(number)));
  }
}

void WriteEntry(const Field& field, const std::string& key, const Json& value, std::string& out) {
  const Field& key_field = field.message->Of("key");
  std::string entry;
  if (key_field.kind == Kind::kString) {
    WriteOne(key_field, Json(key), entry);
  } else if (const auto number = AsInteger<uint64_t>(Json(key))) {
    WriteOne(key_field, Json(*number), entry);
  }
  WriteOne(field.message->Of("value"), value, entry);
  WireWriter(out).Element(field.number, entry);
}

void WriteMessage(const Message& message, const Json& config, std::string& out) {
  for (const Field& field : message.fields) {
    const auto found = config.find(field.name);
    if (found == config.end()) continue;
    if (field.is_map) {
      for (const auto& [key, value] : found->items()) WriteEntry(field, key, value, out);
    } else if (!field.is_repeated) {
      WriteOne(field, *found, out);
    } else if (field.kind == Kind::kMessage || field.kind == Kind::kString) {
      for (const Json& value : *found) WriteOne(field, value, out);
    } else {
      WireWriter writer(out);
      WritePacked(field, *found, writer);
    }
  }
}

}  // namespace

Result<Json> ReadConfigJson(const Json& given) {
  return ReadMessage(ModelConfigSchema(), given, "");
}

Json WithDefaults(const Json& config) {
  return Complete(ModelConfigSchema(), config);
}

void WriteConfigWire(const Json& config, std::string& out) {
  WriteMessage(ModelConfigSchema(), config, out);
}

}  // namespace slipway::gateway::model_config
