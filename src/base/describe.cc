#include "base/describe.h"

#include <cmath>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/format_check.h"
#include "base/nearest_word.h"

namespace slipway {
namespace {

// Where a value is, as a chain to its parents on the stack: text is made only for errors.
struct Path {
  enum class Step : uint8_t { kRoot, kField, kIndex, kKey };
  const Path* parent = nullptr;
  Step step = Step::kRoot;
  std::string_view name = {};
  size_t index = 0;

  Path Field(std::string_view field) const { return {this, Step::kField, field, 0}; }
  Path Index(size_t at) const { return {this, Step::kIndex, {}, at}; }
  Path Key(std::string_view key) const { return {this, Step::kKey, key, 0}; }
};

bool IsPlainKey(std::string_view key) {
  for (char c : key) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                 c == '_' || c == '-';
    if (!plain) return false;
  }
  return !key.empty();
}

std::string TextOf(const Path& path) {
  if (path.step == Path::Step::kRoot) return std::string(path.name);
  std::string out = TextOf(*path.parent);
  if (path.step == Path::Step::kIndex) return out + "[" + std::to_string(path.index) + "]";
  if (!IsPlainKey(path.name)) return out + "[" + Quoted(path.name) + "]";
  if (!out.empty()) out += ".";
  return out += path.name;
}

Error FieldError(std::string_view reason, const Path& path, const std::string& words) {
  std::string field = TextOf(path);
  std::string message = field.empty() ? words : field + ": " + words;
  return InvalidArgument(reason, std::move(message)).With("field", std::move(field));
}

std::string_view WordsOf(TypeKind kind) {
  switch (kind) {
    case TypeKind::kBool:
      return "true or false";
    case TypeKind::kInt32:
    case TypeKind::kInt64:
    case TypeKind::kUint64:
      return "an integer";
    case TypeKind::kDouble:
      return "a number";
    case TypeKind::kString:
    case TypeKind::kEnum:
      return "a string";
    case TypeKind::kList:
      return "a list";
    case TypeKind::kStruct:
    case TypeKind::kMap:
      return "an object";
    case TypeKind::kJson:
    case TypeKind::kOptional:
      return "a value";
  }
  return "a value";
}

// What was found instead, short enough for a message.
std::string Found(const Json& json, const FieldText* text) {
  if (text != nullptr && text->secret) return "a value that is not shown";
  switch (json.type()) {
    case Json::value_t::object:
      return "an object";
    case Json::value_t::array:
      return "a list";
    case Json::value_t::string:
      return Quoted(json.get_ref<const std::string&>());
    default:
      return DumpJson(json);
  }
}

std::string NumberText(double number) {
  constexpr double kExactIntegers = 9007199254740992.0;
  if (number == std::floor(number) && std::fabs(number) < kExactIntegers) {
    return std::to_string(static_cast<int64_t>(number));
  }
  return DumpJson(Json(number));
}

// "0 to 10000", "at least 1", "at most 8".
std::string BoundsText(double min, double max) {
  if (std::isinf(min)) return "at most " + NumberText(max);
  if (std::isinf(max)) return "at least " + NumberText(min);
  return NumberText(min) + " to " + NumberText(max);
}

std::string KnownFields(const TypeInfo& type, std::string_view wrong) {
  std::vector<std::string> names;
  std::string all;
  for (const FieldInfo& field : type.fields) {
    all += (all.empty() ? "" : ", ") + field.json_name;
    names.push_back(field.json_name);
  }
  const std::string nearest = NearestWord(wrong, names);
  if (!nearest.empty()) return "did you mean " + nearest + "?";
  return type.fields.empty() ? "there are none" : "the fields are " + all;
}

class Decoder {
 public:
  explicit Decoder(UnknownFields unknown) : unknown_(unknown) {}

  // `text` has the limits of the field that the value is in, or is nullptr.
  Result<void> Value(const TypeInfo& type, void* object, const Json& json, const Path& path,
                     const FieldText* text) const {
    switch (type.kind) {
      case TypeKind::kBool:
        if (!json.is_boolean()) return WrongType(type, json, path, text);
        *static_cast<bool*>(object) = json.get<bool>();
        return {};
      case TypeKind::kInt32:
        return Integer<int32_t>(type, object, json, path, text);
      case TypeKind::kInt64:
        return Integer<int64_t>(type, object, json, path, text);
      case TypeKind::kUint64:
        return Integer<uint64_t>(type, object, json, path, text);
      case TypeKind::kDouble:
        return Double(type, object, json, path, text);
      case TypeKind::kString:
        return String(type, object, json, path, text);
      case TypeKind::kJson:
        *static_cast<Json*>(object) = json;
        return {};
      case TypeKind::kEnum:
        return Enum(type, object, json, path, text);
      case TypeKind::kStruct:
        return Struct(type, object, json, path, text);
      case TypeKind::kOptional:
        type.clear(object);
        if (json.is_null()) return {};
        return Value(type.element(), type.add(object, {}), json, path, text);
      case TypeKind::kList:
        return List(type, object, json, path, text);
      case TypeKind::kMap:
        return Map(type, object, json, path, text);
    }
    return {};
  }

 private:
  static Error WrongType(const TypeInfo& type, const Json& json, const Path& path,
                         const FieldText* text) {
    return FieldError("FIELD_TYPE", path,
                      "expected " + std::string(WordsOf(type.kind)) + ", got " + Found(json, text));
  }

  static Result<void> CheckNumber(double number, const Json& json, const Path& path,
                                  const FieldText* text) {
    if (text == nullptr || (number >= text->min && number <= text->max)) return {};
    return FieldError("FIELD_RANGE", path,
                      BoundsText(text->min, text->max) + ", got " + Found(json, text));
  }

  static Result<void> CheckCount(size_t count, std::string_view unit, const Path& path,
                                 const FieldText* text) {
    auto number = static_cast<double>(count);
    if (text == nullptr || (number >= text->min && number <= text->max)) return {};
    return FieldError("FIELD_RANGE", path,
                      BoundsText(text->min, text->max) + " " + std::string(unit) + ", got " +
                          std::to_string(count));
  }

  template <class T>
  Result<void> Integer(const TypeInfo& type, void* object, const Json& json, const Path& path,
                       const FieldText* text) const {
    if (!json.is_number()) return WrongType(type, json, path, text);
    if (json.is_number_float() && json.get<double>() != std::floor(json.get<double>())) {
      return WrongType(type, json, path, text);
    }
    TRY_VOID(CheckNumber(json.get<double>(), json, path, text));
    std::optional<T> value = Convert<T>(json);
    if (!value) {
      std::string range = std::to_string(std::numeric_limits<T>::min()) + " to " +
                          std::to_string(std::numeric_limits<T>::max());
      return FieldError("FIELD_RANGE", path, range + ", got " + Found(json, text));
    }
    *static_cast<T*>(object) = *value;
    return {};
  }

  // Exact, or nothing if T cannot hold the number.
  template <class T>
  static std::optional<T> Convert(const Json& json) {
    using Limits = std::numeric_limits<T>;
    if (json.is_number_unsigned()) {
      auto number = json.get<uint64_t>();
      if (!std::in_range<T>(number)) return {};
      return static_cast<T>(number);
    }
    if (json.is_number_integer()) {
      auto number = json.get<int64_t>();
      if (!std::in_range<T>(number)) return {};
      return static_cast<T>(number);
    }
    auto number = json.get<double>();
    // Both bounds are exact as doubles: the lower is 0 or a power of two, the upper is one.
    if (!(number >= static_cast<double>(Limits::min()) &&
          number < std::ldexp(1.0, Limits::digits))) {
      return {};
    }
    return static_cast<T>(number);
  }

  static Result<void> Double(const TypeInfo& type, void* object, const Json& json, const Path& path,
                             const FieldText* text) {
    if (!json.is_number()) return WrongType(type, json, path, text);
    TRY_VOID(CheckNumber(json.get<double>(), json, path, text));
    *static_cast<double*>(object) = json.get<double>();
    return {};
  }

  static Result<void> String(const TypeInfo& type, void* object, const Json& json, const Path& path,
                             const FieldText* text) {
    if (!json.is_string()) return WrongType(type, json, path, text);
    const auto& value = json.get_ref<const std::string&>();
    if (text != nullptr) {
      TRY_VOID(CheckCount(value.size(), "bytes", path, text));
      // An empty string is an absent one, unless the field is required.
      if (!text->format.empty() && (!value.empty() || text->required)) {
        TRY_VOID(CheckFormat(text->format, value, TextOf(path)));
      }
    }
    *static_cast<std::string*>(object) = value;
    return {};
  }

  static Result<void> Enum(const TypeInfo& type, void* object, const Json& json, const Path& path,
                           const FieldText* text) {
    if (!json.is_string()) return WrongType(type, json, path, text);
    std::string all;
    for (const EnumValue& value : type.values) {
      if (json.get_ref<const std::string&>() == value.json_name) {
        type.set_enum(object, value.value);
        return {};
      }
      all += (all.empty() ? "" : ", ") + value.json_name;
    }
    return FieldError("FIELD_RANGE", path, "one of " + all + ", got " + Found(json, text));
  }

  Result<void> Struct(const TypeInfo& type, void* object, const Json& json, const Path& path,
                      const FieldText* text) const {
    if (!json.is_object()) return WrongType(type, json, path, text);
    std::vector<bool> seen(type.fields.size());
    for (const auto& [key, value] : json.items()) {
      const FieldInfo* field = type.Field(key);
      if (field == nullptr) {
        if (unknown_ == UnknownFields::kIgnore) continue;
        return FieldError("FIELD_UNKNOWN", path.Field(key),
                          "no such field; " + KnownFields(type, key));
      }
      if (value.is_null()) continue;
      seen[static_cast<size_t>(field - type.fields.data())] = true;
      TRY_VOID(Value(field->type(), field->access(object), value, path.Field(field->json_name),
                     &field->text));
    }
    for (size_t i = 0; i < seen.size(); ++i) {
      if (seen[i] || !type.fields[i].text.required) continue;
      return FieldError("FIELD_REQUIRED", path.Field(type.fields[i].json_name),
                        "is required: " + std::string(type.fields[i].text.text));
    }
    return {};
  }

  // The limits of a list's field count its items; the format is for each of them.
  static FieldText ItemText(const FieldText* text) {
    if (text == nullptr) return {};
    return {.name = text->name,
            .text = text->text,
            .required = true,
            .format = text->format,
            .secret = text->secret};
  }

  Result<void> List(const TypeInfo& type, void* object, const Json& json, const Path& path,
                    const FieldText* text) const {
    if (!json.is_array()) return WrongType(type, json, path, text);
    TRY_VOID(CheckCount(json.size(), "items", path, text));
    type.clear(object);
    FieldText item = ItemText(text);
    for (size_t i = 0; i < json.size(); ++i) {
      TRY_VOID(Value(type.element(), type.add(object, {}), json[i], path.Index(i), &item));
    }
    return {};
  }

  Result<void> Map(const TypeInfo& type, void* object, const Json& json, const Path& path,
                   const FieldText* text) const {
    if (!json.is_object()) return WrongType(type, json, path, text);
    TRY_VOID(CheckCount(json.size(), "entries", path, text));
    type.clear(object);
    FieldText item = ItemText(text);
    item.required = false;
    for (const auto& [key, value] : json.items()) {
      Path at = path.Key(key);
      if (text != nullptr && !text->key_format.empty()) {
        TRY_VOID(CheckFormat(text->key_format, key, TextOf(at)));
      }
      TRY_VOID(Value(type.element(), type.add(object, key), value, at, &item));
    }
    return {};
  }

  const UnknownFields unknown_;
};

Json EncodeValue(const TypeInfo& type, const void* object);

// Empty lists, maps, strings and optionals, and free-form null: left out unless required.
bool IsEmpty(const TypeInfo& type, const void* object) {
  switch (type.kind) {
    case TypeKind::kString:
      return static_cast<const std::string*>(object)->empty();
    case TypeKind::kJson:
      return static_cast<const Json*>(object)->is_null();
    case TypeKind::kOptional:
    case TypeKind::kList:
    case TypeKind::kMap:
      return type.size(object) == 0;
    default:
      return false;
  }
}

Json EncodeStruct(const TypeInfo& type, const void* object) {
  Json out = Json::object();
  for (const FieldInfo& field : type.fields) {
    // The accessor only takes the member's address.
    const void* value = field.access(const_cast<void*>(object));
    const TypeInfo& field_type = field.type();
    bool empty = IsEmpty(field_type, value);
    if (empty && (!field.text.required || field_type.kind == TypeKind::kOptional)) continue;
    out.emplace(field.json_name, EncodeValue(field_type, value));
  }
  return out;
}

Json EncodeContainer(const TypeInfo& type, const void* object) {
  struct State {
    const TypeInfo* type;
    Json out;
  };
  State state{&type, type.kind == TypeKind::kMap    ? Json::object()
                     : type.kind == TypeKind::kList ? Json::array()
                                                    : Json()};
  type.visit(object, &state, [](void* raw, const std::string& key, const void* value) {
    auto& [of, out] = *static_cast<State*>(raw);
    Json item = EncodeValue(of->element(), value);
    if (of->kind == TypeKind::kMap) {
      out[key] = std::move(item);
    } else if (of->kind == TypeKind::kList) {
      out.push_back(std::move(item));
    } else {
      out = std::move(item);
    }
  });
  return std::move(state.out);
}

Json EncodeEnum(const TypeInfo& type, const void* object) {
  int64_t number = type.get_enum(object);
  for (const EnumValue& value : type.values) {
    if (value.value == number) return value.json_name;
  }
  CheckFailed(__FILE__, __LINE__, "enum has a described value", type.name);
}

Json EncodeValue(const TypeInfo& type, const void* object) {
  switch (type.kind) {
    case TypeKind::kBool:
      return *static_cast<const bool*>(object);
    case TypeKind::kInt32:
      return *static_cast<const int32_t*>(object);
    case TypeKind::kInt64:
      return *static_cast<const int64_t*>(object);
    case TypeKind::kUint64:
      return *static_cast<const uint64_t*>(object);
    case TypeKind::kDouble:
      return *static_cast<const double*>(object);
    case TypeKind::kString:
      return *static_cast<const std::string*>(object);
    case TypeKind::kJson:
      return *static_cast<const Json*>(object);
    case TypeKind::kEnum:
      return EncodeEnum(type, object);
    case TypeKind::kStruct:
      return EncodeStruct(type, object);
    case TypeKind::kOptional:
    case TypeKind::kList:
    case TypeKind::kMap:
      return EncodeContainer(type, object);
  }
  return {};
}

}  // namespace

Result<void> DecodeInto(const TypeInfo& type, void* object, const Json& json, std::string_view at,
                        UnknownFields unknown) {
  return Decoder(unknown).Value(type, object, json, Path{.name = at}, nullptr);
}

Json EncodeFrom(const TypeInfo& type, const void* object) {
  return EncodeValue(type, object);
}

}  // namespace slipway
