#include "base/type_info.h"

#include "base/check.h"
#include "base/format_check.h"

namespace slipway {

const FieldInfo* TypeInfo::Field(std::string_view json_name) const {
  for (const FieldInfo& field : fields) {
    if (field.json_name == json_name) return &field;
  }
  return nullptr;
}

std::string JsonNameOfMember(std::string_view member) {
  std::string out;
  bool upper = false;
  for (char c : member) {
    if (c == '_') {
      upper = !out.empty();
      continue;
    }
    out.push_back(upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
    upper = false;
  }
  return out;
}

namespace describe_internal {
namespace {

// "... [T = slipway::resource::ServiceSpec, List = ...]" names ServiceSpec.
std::string NameIn(std::string_view signature) {
  size_t begin = signature.find("[T = ");
  CHECK(begin != std::string_view::npos);
  std::string_view name = signature.substr(begin + 5);
  name = name.substr(0, name.find_first_of(",]"));
  if (size_t colon = name.rfind(':'); colon != std::string_view::npos) {
    name.remove_prefix(colon + 1);
  }
  return std::string(name);
}

std::string JsonNameOfEnumerator(std::string_view name, bool pascal_case) {
  if (name.size() > 1 && name[0] == 'k' && name[1] >= 'A' && name[1] <= 'Z') name.remove_prefix(1);
  std::string out(name);
  if (!pascal_case && out[0] >= 'A' && out[0] <= 'Z')
    out[0] = static_cast<char>(out[0] - 'A' + 'a');
  return out;
}

void CheckTexts(const TypeInfo& info, std::span<const FieldTexts> texts) {
  for (FieldTexts table : texts) {
    for (const FieldText& text : table) {
      bool found = false;
      for (const FieldInfo& field : info.fields) found |= field.member == text.name;
      CHECK_NOTE(found, std::string(text.name) + " is described but no member of " + info.name);
      CHECK_NOTE(text.format.empty() || IsKnownFormat(text.format), text.format);
      CHECK_NOTE(text.key_format.empty() || IsKnownFormat(text.key_format), text.key_format);
    }
  }
}

}  // namespace

TypeInfo* MakeScalar(TypeKind kind, std::string_view name) {
  return new TypeInfo{.kind = kind, .name = std::string(name)};
}

TypeInfo* MakeContainer(TypeKind kind, TypeFunction element) {
  const char* name = kind == TypeKind::kOptional ? "optional"
                     : kind == TypeKind::kList   ? "list"
                                                 : "map";
  return new TypeInfo{.kind = kind, .name = name, .element = element};
}

TypeInfo* MakeEnum(std::string_view signature, std::string_view text, bool pascal_case,
                   std::span<const EnumSource> values) {
  auto* info = new TypeInfo{.kind = TypeKind::kEnum, .name = NameIn(signature), .text = text};
  for (const EnumSource& value : values) {
    info->values.push_back({JsonNameOfEnumerator(value.name, pascal_case), value.value});
  }
  return info;
}

TypeInfo* MakeStruct(std::string_view signature, std::string_view text,
                     std::span<const FieldSource> fields, std::span<const FieldTexts> texts) {
  auto* info = new TypeInfo{.kind = TypeKind::kStruct, .name = NameIn(signature), .text = text};
  for (const FieldSource& source : fields) {
    FieldInfo field{.json_name = JsonNameOfMember(source.member),
                    .member = source.member,
                    .type = source.type,
                    .access = source.access,
                    .text = {.name = source.member}};
    for (auto table = texts.rbegin(); table != texts.rend(); ++table) {  // the struct's own wins
      for (const FieldText& candidate : *table) {
        if (candidate.name == field.member) field.text = candidate;
      }
    }
    info->fields.push_back(std::move(field));
  }
  CheckTexts(*info, texts);
  return info;
}

}  // namespace describe_internal
}  // namespace slipway
