// JSON Schema out of descriptions.
#include <cmath>

#include <nlohmann/json.hpp>

#include "base/describe.h"
#include "base/format_check.h"

namespace slipway {
namespace {

Json Bound(double number) {
  constexpr double kExactIntegers = 9007199254740992.0;
  if (number == std::floor(number) && std::fabs(number) < kExactIntegers) {
    return static_cast<int64_t>(number);
  }
  return number;
}

void AddBounds(Json& schema, const FieldText& text, const char* min_name, const char* max_name) {
  if (!std::isinf(text.min)) schema[min_name] = Bound(text.min);
  if (!std::isinf(text.max)) schema[max_name] = Bound(text.max);
}

void AddLimits(Json& schema, const TypeInfo& type, const FieldText& text) {
  switch (type.kind) {
    case TypeKind::kOptional:
      return AddLimits(schema, type.element(), text);
    case TypeKind::kInt32:
    case TypeKind::kInt64:
    case TypeKind::kUint64:
    case TypeKind::kDouble:
      return AddBounds(schema, text, "minimum", "maximum");
    case TypeKind::kString:
      if (!text.format.empty()) schema["format"] = text.format;
      return AddBounds(schema, text, "minLength", "maxLength");
    case TypeKind::kList:
      if (!text.format.empty()) schema["items"]["format"] = text.format;
      return AddBounds(schema, text, "minItems", "maxItems");
    case TypeKind::kMap:
      if (!text.format.empty()) schema["additionalProperties"]["format"] = text.format;
      if (!text.key_format.empty()) schema["propertyNames"] = {{"format", text.key_format}};
      return AddBounds(schema, text, "minProperties", "maxProperties");
    case TypeKind::kBool:
    case TypeKind::kJson:
    case TypeKind::kEnum:
    case TypeKind::kStruct:
      return;
  }
}

Json SchemaOfEnum(const TypeInfo& type) {
  Json schema = {{"type", "string"}};
  for (const EnumValue& value : type.values) schema["enum"].push_back(value.json_name);
  return schema;
}

void AddComponent(const TypeInfo& type, Json& components) {
  if (components.contains(type.name)) return;
  components[type.name] = Json::object();  // before the fields, which may name it
  Json schema = {{"type", "object"}};
  if (!type.text.empty()) schema["description"] = type.text;
  Json required = Json::array();
  Json properties = Json::object();
  void* defaults = type.make();
  Json values = EncodeFrom(type, defaults);
  type.destroy(defaults);
  for (const FieldInfo& field : type.fields) {
    Json property = SchemaOf(field.type(), components);
    AddLimits(property, field.type(), field.text);
    if (!field.text.text.empty()) property["description"] = field.text.text;
    if (field.text.read_only) property["readOnly"] = true;
    if (field.text.secret) property["writeOnly"] = true;
    if (field.text.required) {
      required.push_back(field.json_name);
    } else if (values.contains(field.json_name) && !values[field.json_name].is_object()) {
      property["default"] = values[field.json_name];
    }
    properties[field.json_name] = std::move(property);
  }
  schema["properties"] = std::move(properties);
  if (!required.empty()) schema["required"] = std::move(required);
  schema["additionalProperties"] = false;
  components[type.name] = std::move(schema);
}

}  // namespace

Json SchemaOf(const TypeInfo& type, Json& components) {
  switch (type.kind) {
    case TypeKind::kBool:
      return {{"type", "boolean"}};
    case TypeKind::kInt32:
      return {{"type", "integer"}, {"format", "int32"}};
    case TypeKind::kInt64:
      return {{"type", "integer"}, {"format", "int64"}};
    case TypeKind::kUint64:
      return {{"type", "integer"}, {"format", "uint64"}, {"minimum", 0}};
    case TypeKind::kDouble:
      return {{"type", "number"}, {"format", "double"}};
    case TypeKind::kString:
      return {{"type", "string"}};
    case TypeKind::kJson:
      return Json::object();
    case TypeKind::kEnum:
      return SchemaOfEnum(type);
    case TypeKind::kStruct:
      AddComponent(type, components);
      return {{"$ref", "#/components/schemas/" + type.name}};
    case TypeKind::kOptional:
      return SchemaOf(type.element(), components);
    case TypeKind::kList:
      return {{"type", "array"}, {"items", SchemaOf(type.element(), components)}};
    case TypeKind::kMap:
      return {{"type", "object"}, {"additionalProperties", SchemaOf(type.element(), components)}};
  }
  return Json::object();
}

}  // namespace slipway
