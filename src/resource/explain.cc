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

std::vector<ExplainedField> FieldsOf(const TypeInfo& type) {
  if (type.kind != TypeKind::kStruct) return {};
  void* object = type.make();
  const Json defaults = EncodeFrom(type, object);
  type.destroy(object);
  std::vector<ExplainedField> fields;
  for (const FieldInfo& field : type.fields) {
    fields.push_back({.name = field.json_name,
                      .type = Facts(field, defaults),
                      .text = std::string(field.text.text)});
  }
  return fields;
}

Explanation ExplainKinds() {
  Explanation out;
  for (const KindInfo& kind : Kinds()) {
    out.fields.push_back({.name = std::string(kind.singular),
                          .type = std::string(kind.plural),
                          .text = std::string(kind.text)});
  }
  return out;
}

Explanation ExplainKind(const KindInfo& kind) {
  const std::string plural(kind.plural);
  Explanation out{.path = std::string(kind.kind),
                  .type = "",
                  .text = {std::string(kind.text)},
                  .notes = {},
                  .fields = {}};
  out.notes.push_back(kind.global ? "Belongs to no project: /api/v1/" + plural
                                  : "Belongs to a project: /api/v1/projects/PROJECT/" + plural);
  if (!kind.user_writable) {
    out.notes.emplace_back(kind.user_deletable
                               ? "Made by the system: it can be read and deleted, not written."
                               : "Made by the system: it can be read, not written.");
  }
  if (kind.spec_immutable) out.notes.emplace_back("Its spec never changes.");
  out.fields = {
      {.name = "metadata", .type = "Metadata", .text = std::string(TypeOf<Metadata>().text)},
      {.name = "spec", .type = kind.spec->name, .text = std::string(kind.spec->text)},
      {.name = "status",
       .type = kind.status->name + ", set by the system",
       .text = std::string(kind.status->text)}};
  return out;
}

Error UnknownField(const std::string& at, std::string_view name, const std::string& known) {
  return NotFound("FIELD_UNKNOWN", at + " has no field " + Quoted(name) + "; it has " +
                                       (known.empty() ? "none" : known));
}

Result<Explanation> ExplainPath(const TypeInfo& root, std::string at, std::string_view rest) {
  const TypeInfo* type = &root;
  Explanation out{.path = "", .type = TypeWord(root), .text = {}, .notes = {}, .fields = {}};
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
    out.type = Facts(*field, Json::object());
    text = field->text.text;
    type = &Innermost(field->type());
  }
  out.path = std::move(at);
  if (!text.empty()) out.text.emplace_back(text);
  if (type->text != text && !type->text.empty()) out.text.emplace_back(type->text);
  out.fields = FieldsOf(*type);
  return out;
}

}  // namespace

Result<Explanation> Explain(std::string_view path) {
  if (path.empty()) return ExplainKinds();
  std::string_view kind_name = path.substr(0, path.find('.'));
  path.remove_prefix(std::min(path.size(), kind_name.size() + 1));
  TRY(kind, RequireKind(kind_name));
  if (path.empty()) return ExplainKind(*kind);
  std::string_view part = path.substr(0, path.find('.'));
  path.remove_prefix(std::min(path.size(), part.size() + 1));
  std::string at = std::string(kind->singular) + "." + std::string(part);
  if (part == "metadata") return ExplainPath(TypeOf<Metadata>(), at, path);
  if (part == "spec") return ExplainPath(*kind->spec, at, path);
  if (part == "status") return ExplainPath(*kind->status, at, path);
  return UnknownField(std::string(kind->singular), part, "metadata, spec, status");
}

std::string TextOf(const Explanation& explanation) {
  const bool kinds = explanation.path.empty();
  std::string out = explanation.path;
  if (!explanation.type.empty()) out += "  (" + explanation.type + ")";
  if (!kinds) out += "\n";
  for (const std::string& text : explanation.text) out += Wrapped(text, 2);
  if (!explanation.notes.empty()) out += "\n";
  for (const std::string& note : explanation.notes) out += Wrapped(note, 2);
  if (!explanation.fields.empty()) out += kinds ? "Kinds:\n" : "\nFields:\n";
  for (const ExplainedField& field : explanation.fields) {
    out += "  " + field.name + "  (" + field.type + ")\n";
    if (!field.text.empty()) out += Wrapped(field.text, 6);
  }
  return out;
}

}  // namespace slipway::resource
