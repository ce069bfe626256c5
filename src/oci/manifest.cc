#include "oci/manifest.h"

#include <algorithm>
#include <iterator>

#include <nlohmann/json.hpp>

#include "oci/field.h"
#include "oci/limits.h"
#include "oci/media_types.h"

namespace slipway::oci {
namespace {

std::string Lower(std::string_view type) {
  std::string out(type);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

// Types do not differ by case (RFC 6838): those that are known have one form.
std::string KnownType(std::string type) {
  std::string lower = Lower(type);
  const bool is_known = IsManifestType(lower) || lower == "application/json";
  return is_known ? lower : std::move(type);
}

// Of formats that this program knows nothing of. Only application/NAME+json is safe to hand out as
// it came, and NAME is made of the characters of RFC 6838 section 4.2. Plain application/json says
// nothing: it is what clients send that were not told the type.
bool IsOtherManifestType(std::string_view type) {
  constexpr std::string_view kPrefix = "application/";
  const std::string lower = Lower(type);
  if (!lower.starts_with(kPrefix) || lower.size() > kMaxMediaTypeBytes) return false;
  const std::string_view name = std::string_view(lower).substr(kPrefix.size());
  if (!name.ends_with("+json") || name.starts_with('+')) return false;
  return std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$&-^_.+").find(c) != std::string_view::npos;
  });
}

Result<void> CheckSchemaVersion(const Json& json, std::string_view media_type) {
  const auto found = json.find("schemaVersion");
  if (found == json.end() && !IsManifestType(media_type)) return {};
  if (found == json.end()) return FieldError("schemaVersion", "is missing; it must be 2.");
  if (!found->is_number_integer() || found->get<int64_t>() != 2) {
    return FieldError("schemaVersion", "must be 2; older manifests are not supported.");
  }
  return {};
}

Result<std::string> ManifestType(const Json& json, std::string_view declared_type) {
  TRY(written, StringField(json, "mediaType", "", kMaxMediaTypeBytes));
  if (!written.empty() && !declared_type.empty() && Lower(written) != Lower(declared_type)) {
    return FieldError("mediaType", "is '" + written + "', but it was sent as '" +
                                       std::string(declared_type) + "'.");
  }
  std::string type = KnownType(written.empty() ? std::string(declared_type) : written);
  if (type.empty()) {
    type =
        json.contains("manifests") ? std::string(kImageIndexType) : std::string(kImageManifestType);
  }
  if (IsManifestType(type) || IsOtherManifestType(type)) return type;
  return FieldError("mediaType", "'" + type.substr(0, kMaxMediaTypeBytes) +
                                     "' is not supported; OCI and Docker schema 2 manifests and "
                                     "lists are, and others of a type application/NAME+json.");
}

Result<std::vector<Descriptor>> ParseDescriptors(const Json& json, const std::string& name) {
  std::vector<Descriptor> out;
  const auto found = json.find(name);
  if (found == json.end() || found->is_null()) return out;
  if (!found->is_array()) return FieldError(name, "is no list.");
  if (found->size() > kMaxDescriptors) {
    return FieldError(name, "has " + std::to_string(found->size()) + " entries, at most " +
                                std::to_string(kMaxDescriptors) + " are allowed.");
  }
  out.reserve(found->size());
  for (size_t i = 0; i < found->size(); ++i) {
    TRY(descriptor, ParseDescriptor((*found)[i], name + "[" + std::to_string(i) + "]"));
    // So that this type too has one form.
    std::string lower = Lower(descriptor.media_type);
    if (IsNonDistributableType(lower)) descriptor.media_type = std::move(lower);
    out.push_back(std::move(descriptor));
  }
  return out;
}

// What a manifest of an unknown format names in the members that all formats share: none of them
// is required.
Result<void> ParseOtherContents(const Json& json, Manifest& manifest) {
  if (json.contains("config")) {
    TRY(config, ParseDescriptor(json["config"], "config"));
    manifest.config = std::move(config);
  }
  for (const char* name : {"layers", "blobs"}) {
    TRY(found, ParseDescriptors(json, name));
    std::ranges::move(found, std::back_inserter(manifest.layers));
  }
  TRY(children, ParseDescriptors(json, "manifests"));
  manifest.children = std::move(children);
  return {};
}

Result<void> ParseContents(const Json& json, Manifest& manifest) {
  if (!IsManifestType(manifest.media_type)) return ParseOtherContents(json, manifest);
  if (manifest.is_index()) {
    if (json.contains("config") || json.contains("layers")) {
      return FieldError("manifests",
                        "and config or layers are in one document: it is either an "
                        "index or a manifest.");
    }
    if (!json.contains("manifests")) return FieldError("manifests", "is missing.");
    TRY(children, ParseDescriptors(json, "manifests"));
    manifest.children = std::move(children);
    return {};
  }
  if (json.contains("manifests")) {
    return FieldError("manifests",
                      "has no place in a document of type " + manifest.media_type + ".");
  }
  if (!json.contains("config")) return FieldError("config", "is missing.");
  TRY(config, ParseDescriptor(json["config"], "config"));
  manifest.config = std::move(config);
  TRY(layers, ParseDescriptors(json, "layers"));
  manifest.layers = std::move(layers);
  return {};
}

}  // namespace

bool Manifest::is_index() const {
  return IsIndexType(media_type);
}

std::string_view Manifest::EffectiveArtifactType() const {
  if (!artifact_type.empty()) return artifact_type;
  return config ? std::string_view(config->media_type) : std::string_view();
}

std::string MediaTypeWithoutParameters(std::string_view content_type) {
  content_type = content_type.substr(0, content_type.find(';'));
  std::string out(content_type);
  std::erase_if(out, [](char c) { return c == ' ' || c == '\t'; });
  return KnownType(std::move(out));
}

Result<Manifest> ParseManifest(std::string_view bytes, std::string_view declared_type) {
  auto parsed = ParseJson(bytes, {.max_bytes = kMaxManifestBytes, .max_depth = kMaxManifestDepth});
  if (!parsed) {
    return InvalidArgument("MANIFEST_INVALID",
                           "the manifest is no valid JSON: " + parsed.error().message())
        .CausedBy(parsed.error());
  }
  const Json& json = *parsed;
  if (!json.is_object()) {
    return InvalidArgument("MANIFEST_INVALID", "the manifest is no JSON object.");
  }
  Manifest manifest;
  TRY(type, ManifestType(json, declared_type));
  manifest.media_type = std::move(type);
  TRY_VOID(CheckSchemaVersion(json, manifest.media_type));
  TRY_VOID(ParseContents(json, manifest));
  if (json.contains("subject") && !json["subject"].is_null()) {
    TRY(subject, ParseDescriptor(json["subject"], "subject"));
    manifest.subject = std::move(subject);
  }
  TRY(artifact_type, StringField(json, "artifactType", "", kMaxMediaTypeBytes));
  manifest.artifact_type = std::move(artifact_type);
  TRY(annotations, ParseAnnotations(json, ""));
  manifest.annotations = std::move(annotations);
  return manifest;
}

}  // namespace slipway::oci
