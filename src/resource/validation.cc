#include "resource/validation.h"

#include "base/format_check.h"
#include "resource/limits.h"

namespace slipway::resource {
namespace {

std::string Join(std::string_view at, const std::string& key) {
  bool plain = !key.empty() && key.find_first_not_of(
                                   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRS"
                                   "TUVWXYZ0123456789_-") == std::string::npos;
  if (!plain) return std::string(at) + "[" + Quoted(key) + "]";
  return at.empty() ? key : std::string(at) + "." + key;
}

void Compare(const Json& before, const Json& after, const std::string& at, size_t limit,
             std::vector<std::string>& out) {
  if (before == after || out.size() >= limit) return;
  if (!before.is_object() || !after.is_object()) {
    out.push_back(at);
    return;
  }
  const Json nothing;
  for (const auto& [key, value] : before.items()) {
    auto found = after.find(key);
    Compare(value, found == after.end() ? nothing : *found, Join(at, key), limit, out);
  }
  for (const auto& [key, value] : after.items()) {
    if (!before.contains(key)) Compare(nothing, value, Join(at, key), limit, out);
  }
}

const Json* FindCondition(const Json& status, const Json& type) {
  auto conditions = status.find("conditions");
  if (conditions == status.end() || !conditions->is_array()) return nullptr;
  for (const Json& condition : *conditions) {
    if (condition.is_object() && condition.contains("type") && condition["type"] == type) {
      return &condition;
    }
  }
  return nullptr;
}

}  // namespace

Result<void> CheckMetadata(const KindInfo& kind, const Metadata& metadata) {
  TRY_VOID(CheckFormat(kind.user_writable ? "name" : "long-name", metadata.name, "metadata.name"));
  if (kind.global != metadata.project.empty()) {
    return InvalidArgument("FIELD_REQUIRED", kind.global ? std::string("metadata.project: ") +
                                                               std::string(kind.kind) +
                                                               " belongs to no project"
                                                         : "metadata.project: is required")
        .With("field", "metadata.project");
  }
  if (!kind.global) TRY_VOID(CheckFormat("name", metadata.project, "metadata.project"));
  Result<Metadata> checked = Decode<Metadata>(Encode(metadata), "metadata");
  if (!checked.has_value()) return checked.error();
  return {};
}

Result<Json> Normalised(const TypeInfo& type, const Json& json, std::string_view at) {
  struct Owned {
    const TypeInfo& type;
    void* object;
    ~Owned() { type.destroy(object); }
  } owned{type, type.make()};
  TRY_VOID(DecodeInto(type, owned.object, json.is_null() ? Json::object() : json, at,
                      UnknownFields::kRefuse));
  return EncodeFrom(type, owned.object);
}

Result<void> CheckSize(const std::string& text) {
  if (text.size() <= kMaxResourceBytes) return {};
  return ResourceExhausted("RESOURCE_TOO_LARGE",
                           "a resource has at most " + std::to_string(kMaxResourceBytes) +
                               " bytes as JSON, this one " + std::to_string(text.size()) +
                               ": put large values into the registry or an object");
}

void StampConditions(Json& status, const Json& old, const std::string& now) {
  auto conditions = status.find("conditions");
  if (conditions == status.end() || !conditions->is_array()) return;
  for (Json& condition : *conditions) {
    const Json* before = FindCondition(old, condition["type"]);
    bool same = before != nullptr && before->contains("status") &&
                (*before)["status"] == condition["status"] && before->contains("changedAt");
    condition["changedAt"] = same ? (*before)["changedAt"] : Json(now);
  }
}

std::vector<std::string> ChangedFields(const Json& before, const Json& after, std::string_view at,
                                       size_t limit) {
  std::vector<std::string> out;
  Compare(before, after, std::string(at), limit, out);
  return out;
}

std::vector<std::string> ChangedFields(const Resource& before, const Resource& after,
                                       size_t limit) {
  auto visible = [](const Resource& resource) {
    Json out = Json::object();
    Json metadata = Encode(resource.metadata);
    for (const char* field : {"labels", "annotations"}) {
      if (metadata.contains(field)) out["metadata"][field] = metadata[field];
    }
    out["spec"] = resource.spec;
    return out;
  };
  Json from = visible(before);
  Json to = visible(after);
  // A first label is metadata.labels.KEY like the second.
  for (Json* side : {&from, &to}) {
    for (const char* field : {"labels", "annotations"}) {
      if (!(*side)["metadata"].contains(field)) (*side)["metadata"][field] = Json::object();
    }
  }
  return ChangedFields(from, to, "", limit);
}

}  // namespace slipway::resource
