#include "trust/signed_claim.h"

#include <algorithm>
#include <initializer_list>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "trust/limits.h"

namespace slipway::trust {
namespace {

constexpr std::string_view kClaimType = "cosign container image signature";
constexpr std::string_view kStatementType = "https://in-toto.io/Statement/v1";
constexpr std::string_view kPredicateType = "https://sigstore.dev/cosign/sign/v1";

Error Invalid(const std::string& field, std::string_view what) {
  return InvalidArgument("CLAIM_INVALID", field + ": " + std::string(what)).With("field", field);
}

Result<Json> ParsePayload(std::string_view payload) {
  auto json = ParseJson(payload, {.max_bytes = kMaxSignedBytes, .max_depth = 16});
  if (!json) return Invalid("the payload", "is no JSON: " + json.error().message());
  if (!json->is_object()) return Invalid("the payload", "is no object");
  return json;
}

// The object has these members, and no others.
Result<void> CheckMembers(const Json& object, const std::string& at,
                          std::initializer_list<std::string_view> known) {
  if (!object.is_object()) return Invalid(at, "is no object");
  for (const auto& [name, value] : object.items()) {
    if (std::ranges::find(known, name) == known.end()) {
      const std::string field = at.empty() ? name : at + "." + name;
      return Invalid(field, "is unknown here, and may change what the signature means");
    }
  }
  for (const std::string_view name : known) {
    const std::string field = at.empty() ? std::string(name) : at + "." + std::string(name);
    if (!object.contains(name)) return Invalid(field, "is missing");
  }
  return {};
}

Result<std::string> TextOf(const Json& object, const char* name, const std::string& at) {
  const Json& value = object[name];
  if (!value.is_string()) return Invalid(at + "." + name, "is no text");
  return value.get<std::string>();
}

Result<Digest> DigestOf(const std::string& text, const std::string& field) {
  auto digest = Digest::Parse(text);
  if (!digest) return Invalid(field, digest.error().message());
  return digest;
}

Result<void> ReadAnnotations(const Json& json, const std::string& at, SignedClaim& claim) {
  if (json.is_null()) return {};
  if (!json.is_object()) return Invalid(at, "is no object");
  if (json.size() > kMaxSignedAnnotations) {
    return Invalid(at, "has more than " + std::to_string(kMaxSignedAnnotations) + " members");
  }
  for (const auto& [name, value] : json.items()) {
    claim.annotations[name] = value.is_string() ? value.get<std::string>() : DumpJson(value);
  }
  return {};
}

Json AnnotationsOf(const SignedClaim& claim) {
  Json json = Json::object();
  for (const auto& [name, value] : claim.annotations) json[name] = value;
  return json;
}

}  // namespace

std::string FormatClaim(const SignedClaim& claim) {
  Json optional;
  if (!claim.annotations.empty()) optional = AnnotationsOf(claim);
  return DumpJson({{"critical",
                    {{"identity", {{"docker-reference", claim.identity}}},
                     {"image", {{"docker-manifest-digest", claim.digest.text()}}},
                     {"type", kClaimType}}},
                   {"optional", std::move(optional)}});
}

Result<SignedClaim> ParseClaim(std::string_view payload) {
  TRY(json, ParsePayload(payload));
  TRY_VOID(CheckMembers(json, "", {"critical", "optional"}));
  const Json& critical = json["critical"];
  TRY_VOID(CheckMembers(critical, "critical", {"identity", "image", "type"}));
  TRY_VOID(CheckMembers(critical["identity"], "critical.identity", {"docker-reference"}));
  TRY_VOID(CheckMembers(critical["image"], "critical.image", {"docker-manifest-digest"}));
  TRY(type, TextOf(critical, "type", "critical"));
  if (type != kClaimType)
    return Invalid("critical.type", "is not \"" + std::string(kClaimType) + "\"");
  TRY(text, TextOf(critical["image"], "docker-manifest-digest", "critical.image"));
  TRY(digest, DigestOf(text, "critical.image.docker-manifest-digest"));
  TRY(identity, TextOf(critical["identity"], "docker-reference", "critical.identity"));
  SignedClaim claim{.digest = digest, .identity = std::move(identity), .annotations = {}};
  TRY_VOID(ReadAnnotations(json["optional"], "optional", claim));
  return claim;
}

std::string FormatStatement(const SignedClaim& claim) {
  const std::string text = claim.digest.text();
  const std::string algorithm = text.substr(0, text.find(':'));
  Json subject = {{"digest", {{algorithm, claim.digest.hex()}}}};
  if (!claim.annotations.empty()) subject["annotations"] = AnnotationsOf(claim);
  return DumpJson({{"_type", kStatementType},
                   {"subject", Json::array({std::move(subject)})},
                   {"predicateType", kPredicateType},
                   {"predicate", Json::object()}});
}

Result<SignedClaim> ParseStatement(std::string_view payload) {
  TRY(json, ParsePayload(payload));
  if (!json.contains("_type") || json["_type"] != kStatementType) {
    return Invalid("_type", "is not " + std::string(kStatementType));
  }
  if (json.contains("predicateType") && json["predicateType"].is_string() &&
      json["predicateType"] != kPredicateType) {
    return InvalidArgument("STATEMENT_OTHER", "it is an attestation, not a signature");
  }
  TRY_VOID(CheckMembers(json, "", {"_type", "subject", "predicateType", "predicate"}));
  if (json["predicateType"] != kPredicateType) return Invalid("predicateType", "is no text");
  const Json& subjects = json["subject"];
  if (!subjects.is_array() || subjects.size() != 1 || !subjects[0].is_object()) {
    return Invalid("subject", "is not a list of one object");
  }
  const Json& subject = subjects[0];
  if (!subject.contains("digest") || !subject["digest"].is_object() ||
      subject["digest"].size() != 1) {
    return Invalid("subject[0].digest", "does not have one member");
  }
  const auto entry = subject["digest"].begin();
  if (!entry->is_string()) return Invalid("subject[0].digest", "is no text");
  TRY(digest, DigestOf(entry.key() + ":" + entry->get<std::string>(), "subject[0].digest"));
  SignedClaim claim{.digest = digest, .identity = {}, .annotations = {}};
  if (subject.contains("name") && subject["name"].is_string()) {
    claim.identity = subject["name"].get<std::string>();
  }
  if (subject.contains("annotations")) {
    TRY_VOID(ReadAnnotations(subject["annotations"], "subject[0].annotations", claim));
  }
  return claim;
}

}  // namespace slipway::trust
