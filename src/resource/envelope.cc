#include "resource/envelope.h"

namespace slipway::resource {

Json ToJson(const Resource& resource) {
  Json out = Json::object();
  out["apiVersion"] = kApiVersion;
  out["kind"] = resource.kind;
  out["metadata"] = Encode(resource.metadata);
  out["spec"] = resource.spec;
  out["status"] = resource.status;
  return out;
}

Result<Resource> ResourceFromStored(const Json& json) {
  auto corrupt = [](std::string_view what) {
    return Internal("RESOURCE_CORRUPT", "a stored resource has no valid " + std::string(what));
  };
  if (!json.is_object() || !json.contains("kind") || !json["kind"].is_string() ||
      !json.contains("metadata") || !json.contains("spec") || !json.contains("status")) {
    return corrupt("envelope");
  }
  Resource resource;
  resource.kind = json["kind"].get<std::string>();
  Result<Metadata> metadata =
      Decode<Metadata>(json["metadata"], "metadata", UnknownFields::kIgnore);
  if (!metadata.has_value()) return corrupt("metadata").CausedBy(metadata.error());
  resource.metadata = std::move(*metadata);
  resource.spec = json["spec"];
  resource.status = json["status"];
  return resource;
}

}  // namespace slipway::resource
