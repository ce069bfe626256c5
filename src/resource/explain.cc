#include "resource/explain.h"

#include <algorithm>
#include <cmath>

#include "base/format_check.h"
#include "resource/kinds.h"

namespace slipway::resource {
namespace {

constexpr size_t kTextWidth = 96;

// The type that holds the fields, below lists, maps and optionals.
const TypeInfo& Innermost(const TypeInfo& type) {
  return type.element == nullptr ? type : Innermost(type.element());
}

std::string TypeWord(const TypeInfo& type) {
  switch (type.kind) {
    case TypeKind::kBool:
      return "boolean";
    case TypeKind::kInt32:
    case TypeKind::kInt64:
    case TypeKind::kUint64:
      return "integer";
    case TypeKind::kDouble:
      return "number";
    case TypeKind::kString:
    case TypeKind::kEnum:
      return "string";
    case TypeKind::kJson:
      return "any";
    case TypeKind::kStruct:
      return type.name;
    case TypeKind::kOptional:
      return TypeWord(type.element());
    case TypeKind::kList:
      return "list of " + TypeWord(type.element());
    case TypeKind::kMap:
      return "map of " + TypeWord(type.element());
  }
  return "any";
}

std::string Number(double number) {
  return DumpJson(Json(static_cast<int64_t>(number)));
}

std::string BoundsWord(const TypeInfo& type, const FieldText& text) {
  if (std::isinf(text.min) && std::isinf(text.max)) return {};
  const TypeInfo& value = type.kind == TypeKind::kOptional ? type.element() : type;
  std::string unit = value.kind == TypeKind::kString ? " bytes"
                     : value.kind == TypeKind::kList ? " items"
                     : value.kind == TypeKind::kMap  ? " entries"
                                                     : "";
  if (std::isinf(text.min)) return "at most " + Number(text.max) + unit;
  if (std::isinf(text.max)) return "at least " + Number(text.min) + unit;
  return Number(text.min) + " to " + Number(text.max) + unit;
}

std::string EnumWord(const TypeInfo& type) {
  std::string out;
  for (const EnumValue& value : type.values) out += (out.empty() ? "" : " | ") + value.json_name;
  return out;
}

// "string, required, at most 512 bytes, a reference".
std::string Facts(const FieldInfo& field, const Json& defaults) {
  const TypeInfo& type = field.type();
  const FieldText& text = field.text;
  std::string out = TypeWord(type);
  auto add = [&out](const std::string& fact) {
    if (!fact.empty()) out += ", " + fact;
  };
  if (Innermost(type).kind == TypeKind::kEnum) add(EnumWord(Innermost(type)));
  if (text.required) add("required");
  if (text.read_only) add("set by the system");
  if (text.secret) add("write-only");
  add(BoundsWord(type, text));
  if (!text.format.empty()) add("format " + std::string(text.format));
  auto value = defaults.find(field.json_name);
  if (!text.required && !text.read_only && value != defaults.end() && !value->is_structured()) {
    add("default " + DumpJson(*value));
  }
  return out;
}

std::string Wrapped(std::string_view text, size_t indent) {
  const std::string margin(indent, ' ');
  std::string out = margin;
  size_t column = indent;
  while (!text.empty()) {
    std::string_view word = text.substr(0, text.find(' '));
    if (column > indent && column + 1 + word.size() > kTextWidth) {
      out += "\n" + margin;
      column = indent;
    } else if (column > indent) {
      out += " ";
      ++column;
    }
    out += word;
    column += word.size();
    text.remove_prefix(std::min(text.size(), word.size() + 1));
  }
  return out + "\n";
}

std::string FieldsText(const TypeInfo& type) {
  if (type.kind != TypeKind::kStruct) return {};
  void* object = type.make();
  const Json defaults = EncodeFrom(type, object);
  type.destroy(object);
  std::string out = "\nFields:\n";
  for (const FieldInfo& field : type.fields) {
    out += "  " + field.json_name + "  (" + Facts(field, defaults) + ")\n";
    if (!field.text.text.empty()) out += Wrapped(field.text.text, 6);
  }
  return out;
}

std::string KindsText() {
  std::string out = "Kinds:\n";
  for (const KindInfo& kind : Kinds()) {
    out += "  " + std::string(kind.singular) + "  (" + std::string(kind.plural) + ")\n" +
           Wrapped(kind.text, 6);
  }
  return out + "\nslipway explain KIND, or KIND.spec.FIELD, tells more.\n";
}

std::string KindText(const KindInfo& kind) {
  std::string out = std::string(kind.kind) + "\n" + Wrapped(kind.text, 2) + "\n";
  out += kind.global ? "  Belongs to no project: /api/v1/" + std::string(kind.plural) + "\n"
                     : "  Belongs to a project: /api/v1/projects/PROJECT/" +
                           std::string(kind.plural) + "\n";
  if (!kind.user_writable) out += "  Made by the system: it can be read, not written.\n";
  if (kind.spec_immutable) out += "  Its spec never changes.\n";
  out += "\nFields:\n  metadata  (Metadata)\n";
  out += Wrapped(TypeOf<Metadata>().text, 6);
  out += "  spec  (" + kind.spec->name + ")\n" + Wrapped(kind.spec->text, 6);
  out += "  status  (" + kind.status->name + ", set by the system)\n";
  return out + Wrapped(kind.status->text, 6);
}

Error UnknownField(const std::string& at, std::string_view name, const std::string& known) {
  return NotFound("FIELD_UNKNOWN", at + " has no field " + Quoted(name) + "; it has " +
                                       (known.empty() ? "none" : known));
}

Result<std::string> PathText(const TypeInfo& root, std::string at, std::string_view rest) {
  const TypeInfo* type = &root;
  std::string head = at + "  (" + TypeWord(root) + ")\n";
  std::string_view text = root.text;
  while (!rest.empty()) {
    std::string_view name = rest.substr(0, rest.find('.'));
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    const FieldInfo* field = type->Field(name);
    if (field == nullptr) {
      std::string known;
      for (const FieldInfo& other : type->fields) {
        known += (known.empty() ? "" : ", ") + other.json_name;
      }
      return UnknownField(at, name, known);
    }
    at += "." + field->json_name;
    head = at + "  (" + Facts(*field, Json::object()) + ")\n";
    text = field->text.text;
    type = &Innermost(field->type());
  }
  std::string out = head;
  if (!text.empty()) out += Wrapped(text, 2);
  if (type->text != text && !type->text.empty()) out += Wrapped(type->text, 2);
  return out + FieldsText(*type);
}

}  // namespace

Result<std::string> ExplainText(std::string_view path) {
  if (path.empty()) return KindsText();
  std::string_view kind_name = path.substr(0, path.find('.'));
  path.remove_prefix(std::min(path.size(), kind_name.size() + 1));
  TRY(kind, RequireKind(kind_name));
  if (path.empty()) return KindText(*kind);
  std::string_view part = path.substr(0, path.find('.'));
  path.remove_prefix(std::min(path.size(), part.size() + 1));
  std::string at = std::string(kind->singular) + "." + std::string(part);
  if (part == "metadata") return PathText(TypeOf<Metadata>(), at, path);
  if (part == "spec") return PathText(*kind->spec, at, path);
  if (part == "status") return PathText(*kind->status, at, path);
  return UnknownField(std::string(kind->singular), part, "metadata, spec, status");
}

}  // namespace slipway::resource
