#include "trust/bundle.h"

#include <optional>

#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/json.h"
#include "trust/limits.h"

namespace slipway::trust {
namespace {

constexpr std::string_view kPayloadType = "application/vnd.in-toto+json";

Error Invalid(const std::string& field, std::string_view what) {
  return InvalidArgument("BUNDLE_INVALID", field + ": " + std::string(what)).With("field", field);
}

Result<std::string> BytesOf(const Json& object, const char* name, const std::string& at,
                            size_t max_bytes) {
  const std::string field = at + "." + name;
  if (!object.is_object() || !object.contains(name) || !object[name].is_string()) {
    return Invalid(field, "is missing, or no text");
  }
  auto bytes = FromCanonicalBase64(object[name].get_ref<const std::string&>());
  if (!bytes) return Invalid(field, "is no base64 text");
  if (bytes->size() > max_bytes) {
    return Invalid(field, "has more than " + std::to_string(max_bytes) + " bytes");
  }
  return *std::move(bytes);
}

bool IsText(const Json& object, const char* name, std::string_view text) {
  return object.contains(name) && object[name].is_string() && object[name] == text;
}

std::string HintOf(const Json& json) {
  const Json::json_pointer at("/verificationMaterial/publicKey/hint");
  if (!json.contains(at) || !json[at].is_string()) return {};
  return json[at].get<std::string>();
}

}  // namespace

std::string PreAuthEncoding(std::string_view payload) {
  std::string out = "DSSEv1 " + std::to_string(kPayloadType.size()) + " ";
  out.append(kPayloadType).append(" ").append(std::to_string(payload.size())).append(" ");
  return out.append(payload);
}

std::string FormatBundle(const Bundle& bundle) {
  Json signatures = Json::array();
  for (const std::string& signature : bundle.signatures) {
    signatures.push_back({{"sig", Base64(signature)}});
  }
  return DumpJson({{"mediaType", kBundleType},
                   {"verificationMaterial", {{"publicKey", {{"hint", bundle.key_hint}}}}},
                   {"dsseEnvelope",
                    {{"payload", Base64(bundle.payload)},
                     {"payloadType", kPayloadType},
                     {"signatures", std::move(signatures)}}}});
}

Result<Bundle> ParseBundle(std::string_view text) {
  const auto json = ParseJson(text, {.max_bytes = kMaxBundleBytes, .max_depth = 32});
  if (!json) return Invalid("the bundle", "is no JSON: " + json.error().message());
  if (!json->is_object() || !IsText(*json, "mediaType", kBundleType)) {
    return Invalid("mediaType", "is not " + std::string(kBundleType));
  }
  if (!json->contains("dsseEnvelope") || !(*json)["dsseEnvelope"].is_object()) {
    return Invalid("dsseEnvelope", "is missing");
  }
  const Json& envelope = (*json)["dsseEnvelope"];
  if (!IsText(envelope, "payloadType", kPayloadType)) {
    return Invalid("dsseEnvelope.payloadType", "is not " + std::string(kPayloadType));
  }
  TRY(payload, BytesOf(envelope, "payload", "dsseEnvelope", kMaxSignedBytes));
  Bundle bundle{.payload = std::move(payload), .signatures = {}, .key_hint = HintOf(*json)};
  if (!envelope.contains("signatures") || !envelope["signatures"].is_array()) {
    return Invalid("dsseEnvelope.signatures", "is missing");
  }
  const Json& signatures = envelope["signatures"];
  if (signatures.empty() || signatures.size() > kMaxBundleSignatures) {
    return Invalid("dsseEnvelope.signatures",
                   "has not 1 to " + std::to_string(kMaxBundleSignatures) + " entries");
  }
  for (size_t i = 0; i < signatures.size(); ++i) {
    TRY(signature,
        BytesOf(signatures[i], "sig", "dsseEnvelope.signatures[" + std::to_string(i) + "]",
                kMaxSignatureBytes));
    bundle.signatures.push_back(std::move(signature));
  }
  return bundle;
}

}  // namespace slipway::trust
