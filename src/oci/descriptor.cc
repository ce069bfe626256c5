#include "oci/descriptor.h"

#include <algorithm>

#include <nlohmann/json.hpp>
#include <openssl/evp.h>

#include "oci/field.h"
#include "oci/limits.h"

namespace slipway::oci {
namespace {

// RFC 6838 section 4.2.
bool IsRestrictedName(std::string_view text) {
  if (text.empty() || text.size() > 127) return false;
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$&-^_.+").find(c) != std::string_view::npos;
  });
}

Result<uint64_t> ParseSize(const Json& json, const std::string& at) {
  const auto found = json.find("size");
  if (found == json.end()) return FieldError(at + ".size", "is missing.");
  if (!found->is_number_integer()) return FieldError(at + ".size", "is no whole number.");
  if (!found->is_number_unsigned() && found->get<int64_t>() < 0) {
    return FieldError(at + ".size", "is negative.");
  }
  const auto size = found->get<uint64_t>();
  if (size > static_cast<uint64_t>(INT64_MAX)) return FieldError(at + ".size", "is above 2^63-1.");
  return size;
}

Result<void> CheckEmbedded(const Json& json, const Descriptor& descriptor, const std::string& at) {
  TRY(text, StringField(json, "data", at, kMaxEmbeddedBytes));
  if (!json.contains("data")) return {};
  std::string content(text.size() / 4 * 3 + 3, '\0');
  const int decoded = text.size() % 4 != 0
                          ? -1
                          : EVP_DecodeBlock(reinterpret_cast<unsigned char*>(content.data()),
                                            reinterpret_cast<const unsigned char*>(text.data()),
                                            static_cast<int>(text.size()));
  if (decoded < 0) return FieldError(at + ".data", "is no base64 text.");
  const size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  content.resize(static_cast<size_t>(decoded) - padding);
  if (content.size() != descriptor.size_bytes) {
    return FieldError(at + ".data", "has " + std::to_string(content.size()) +
                                        " bytes, the descriptor says " +
                                        std::to_string(descriptor.size_bytes) + ".");
  }
  if (Digest::Of(content, descriptor.digest.algorithm()) != descriptor.digest) {
    return FieldError(at + ".data", "has another digest than the descriptor says.");
  }
  return {};
}

Result<std::vector<std::string>> ParseUrls(const Json& json, const std::string& at) {
  std::vector<std::string> urls;
  const auto found = json.find("urls");
  if (found == json.end() || found->is_null()) return urls;
  const std::string field = at + ".urls";
  if (!found->is_array()) return FieldError(field, "is no list.");
  if (found->size() > kMaxUrls) {
    return FieldError(field, "has more than " + std::to_string(kMaxUrls) + " entries.");
  }
  for (const Json& url : *found) {
    if (!url.is_string()) return FieldError(field, "has an entry that is no string.");
    urls.push_back(url.get<std::string>());
  }
  return urls;
}

Result<std::optional<Platform>> ParsePlatform(const Json& json, const std::string& at) {
  const auto found = json.find("platform");
  if (found == json.end() || found->is_null()) return std::optional<Platform>();
  const std::string field = at + ".platform";
  if (!found->is_object()) return FieldError(field, "is no object.");
  Platform platform;
  TRY(architecture, StringField(*found, "architecture", field, kMaxMediaTypeBytes));
  TRY(os, StringField(*found, "os", field, kMaxMediaTypeBytes));
  TRY(variant, StringField(*found, "variant", field, kMaxMediaTypeBytes));
  return std::optional(Platform{std::move(architecture), std::move(os), std::move(variant)});
}

}  // namespace

Error FieldError(const std::string& field, const std::string& what) {
  return Error(Code::kInvalidArgument, "MANIFEST_INVALID", field + " " + what, {{"field", field}});
}

Result<std::string> StringField(const Json& json, std::string_view name, const std::string& at,
                                size_t max_bytes) {
  const auto found = json.find(name);
  if (found == json.end() || found->is_null()) return std::string();
  const std::string field = at.empty() ? std::string(name) : at + "." + std::string(name);
  if (!found->is_string()) return FieldError(field, "is no string.");
  const auto& value = found->get_ref<const std::string&>();
  if (value.size() > max_bytes) {
    return FieldError(field, "has " + std::to_string(value.size()) + " bytes, at most " +
                                 std::to_string(max_bytes) + " are allowed.");
  }
  return value;
}

std::string_view Descriptor::annotation(std::string_view name) const {
  const auto found = annotations.find(std::string(name));
  return found == annotations.end() ? std::string_view() : std::string_view(found->second);
}

bool IsMediaType(std::string_view text) {
  const size_t slash = text.find('/');
  return slash != std::string_view::npos && IsRestrictedName(text.substr(0, slash)) &&
         IsRestrictedName(text.substr(slash + 1));
}

Result<Annotations> ParseAnnotations(const Json& json, const std::string& at) {
  Annotations annotations;
  const auto found = json.find("annotations");
  if (found == json.end() || found->is_null()) return annotations;
  const std::string field = at.empty() ? "annotations" : at + ".annotations";
  if (!found->is_object()) return FieldError(field, "is no object.");
  if (found->size() > kMaxAnnotations) {
    return FieldError(field, "has more than " + std::to_string(kMaxAnnotations) + " entries.");
  }
  for (const auto& [name, value] : found->items()) {
    if (!value.is_string()) return FieldError(field + "." + name, "is no string.");
    annotations.emplace(name, value.get<std::string>());
  }
  return annotations;
}

Result<Descriptor> ParseDescriptor(const Json& json, const std::string& at) {
  if (!json.is_object()) return FieldError(at, "is no object.");
  TRY(media_type, StringField(json, "mediaType", at, kMaxMediaTypeBytes));
  if (!IsMediaType(media_type)) {
    return FieldError(at + ".mediaType", "is missing or no media type.");
  }
  TRY(digest_text, StringField(json, "digest", at, 256));
  auto digest = Digest::Parse(digest_text);
  if (!digest) return FieldError(at + ".digest", "is malformed: " + digest.error().message());
  TRY(size, ParseSize(json, at));
  TRY(annotations, ParseAnnotations(json, at));
  TRY(artifact_type, StringField(json, "artifactType", at, kMaxMediaTypeBytes));
  TRY(urls, ParseUrls(json, at));
  TRY(platform, ParsePlatform(json, at));
  Descriptor descriptor{std::move(media_type),  std::move(*digest),       size,
                        std::move(annotations), std::move(artifact_type), std::move(urls),
                        std::move(platform)};
  TRY_VOID(CheckEmbedded(json, descriptor, at));
  return descriptor;
}

Json ToJson(const Descriptor& descriptor) {
  Json json = Json::object();
  json["mediaType"] = descriptor.media_type;
  json["digest"] = descriptor.digest.text();
  json["size"] = descriptor.size_bytes;
  if (!descriptor.urls.empty()) json["urls"] = descriptor.urls;
  if (!descriptor.annotations.empty()) json["annotations"] = descriptor.annotations;
  if (descriptor.platform) {
    Json& platform = json["platform"] = Json::object();
    platform["architecture"] = descriptor.platform->architecture;
    platform["os"] = descriptor.platform->os;
    if (!descriptor.platform->variant.empty()) platform["variant"] = descriptor.platform->variant;
  }
  if (!descriptor.artifact_type.empty()) json["artifactType"] = descriptor.artifact_type;
  return json;
}

}  // namespace slipway::oci
