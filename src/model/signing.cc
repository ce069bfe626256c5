#include "model/signing.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/json.h"
#include "model/limits.h"
#include "model/signature_manifests.h"
#include "oci/media_types.h"
#include "trust/bundle.h"

namespace slipway::model {
namespace {

using trust::SignedClaim;

// Of one signature: why it will not do, or what it says.
Result<SignedClaim> CheckTagged(const TaggedSignature& found, const trust::PublicKey& key) {
  const auto signature = FromCanonicalBase64(found.signature);
  if (!signature) return InvalidArgument("SIGNATURE_MALFORMED", "it is no base64 text");
  // Before anything of the payload is looked at.
  if (!key.Verifies(found.payload, *signature)) {
    return InvalidArgument("SIGNATURE_OF_ANOTHER", "it was not made with this key");
  }
  return trust::ParseClaim(found.payload);
}

Result<SignedClaim> CheckBundle(const std::string& text, const trust::PublicKey& key) {
  TRY(bundle, trust::ParseBundle(text));
  const std::string message = trust::PreAuthEncoding(bundle.payload);
  if (std::ranges::none_of(bundle.signatures, [&](const std::string& signature) {
        return key.Verifies(message, signature);
      })) {
    return InvalidArgument("SIGNATURE_OF_ANOTHER", "it was not made with this key");
  }
  return trust::ParseStatement(bundle.payload);
}

// What a signature must say to be one of this manifest.
Result<void> CheckClaim(const SignedClaim& claim, const Digest& digest,
                        const std::map<std::string, std::string>& annotations) {
  if (claim.digest != digest) {
    return InvalidArgument("SIGNATURE_OF_OTHER_CONTENT",
                           fmt::format("it is about {}", claim.digest.text()));
  }
  for (const auto& [name, value] : annotations) {
    const auto found = claim.annotations.find(name);
    if (found == claim.annotations.end()) {
      return InvalidArgument("ANNOTATION_MISSING", fmt::format("it has no {}", name));
    }
    if (found->second != value) {
      return InvalidArgument("ANNOTATION_DIFFERS",
                             fmt::format("it says {}={}", name, found->second));
    }
  }
  return {};
}

// What was looked at: the good ones, and why the others are none.
struct Findings {
  std::vector<VerifiedSignature> good;
  std::vector<std::string> reasons;

  void Add(SignatureForm form, Result<SignedClaim> claim, const Digest& digest,
           const std::map<std::string, std::string>& annotations) {
    Result<void> checked;
    if (claim) {
      checked = CheckClaim(*claim, digest, annotations);
    } else {
      checked = claim.error();
    }
    // Attestations are no signatures, and no failures either.
    if (!checked && checked.error().reason() == "STATEMENT_OTHER") return;
    if (checked) {
      good.push_back({form, *std::move(claim)});
    } else {
      reasons.push_back(fmt::format("signature {} ({}): {}", good.size() + reasons.size() + 1,
                                    NameOf(form), checked.error().message()));
    }
  }
};

Result<Findings> LookAt(SignatureStore& store, const trust::PublicKey& key,
                        const std::map<std::string, std::string>& annotations) {
  Findings findings;
  TRY(tagged, store.ReadTagged());
  for (const TaggedSignature& one : tagged) {
    findings.Add(SignatureForm::kTag, CheckTagged(one, key), store.digest(), annotations);
  }
  TRY(bundles, store.ReadBundles());
  for (const std::string& bundle : bundles) {
    findings.Add(SignatureForm::kBundle, CheckBundle(bundle, key), store.digest(), annotations);
  }
  return findings;
}

Error NoneGood(const oci::Reference& reference, const Digest& digest, const Findings& findings) {
  if (findings.reasons.empty()) {
    return FailedPrecondition(
        "SIGNATURE_MISSING",
        fmt::format("{} ({}) is not signed", reference.ToString(), digest.text()));
  }
  std::vector<std::string> shown(
      findings.reasons.begin(),
      findings.reasons.begin() +
          static_cast<std::ptrdiff_t>(std::min(findings.reasons.size(), kMaxSignatureReasons)));
  return FailedPrecondition(
      "SIGNATURE_INVALID",
      fmt::format("no signature of {} ({}) will do, of {}: {}", reference.ToString(), digest.text(),
                  findings.reasons.size(), fmt::join(shown, "; ")));
}

bool IsThere(const Findings& findings, SignatureForm form, const SignedClaim& claim) {
  return std::ranges::any_of(findings.good, [&](const VerifiedSignature& good) {
    return good.form == form && good.claim.annotations == claim.annotations;
  });
}

}  // namespace

std::string_view NameOf(SignatureForm form) {
  return form == SignatureForm::kTag ? "tag" : "bundle";
}

Result<Signed> Sign(oci::Client& client, const oci::Reference& reference,
                    const trust::SigningKey& key, const SignOptions& options, Clock& clock) {
  TRY(store, SignatureStore::Open(client, reference));
  Signed done{.digest = store.digest(), .added = {}};
  const SignedClaim claim{
      .digest = store.digest(), .identity = options.identity, .annotations = options.annotations};
  TRY(before, LookAt(store, key.public_key(), options.annotations));
  for (const SignatureForm form : options.forms) {
    if (IsThere(before, form, claim)) continue;
    if (form == SignatureForm::kTag) {
      const std::string payload = trust::FormatClaim(claim);
      TRY_VOID(store.AddTagged({.payload = payload, .signature = Base64(key.Sign(payload))}));
    } else {
      const std::string statement = trust::FormatStatement(claim);
      TRY_VOID(store.AddBundle(
          trust::FormatBundle({.payload = statement,
                               .signatures = {key.Sign(trust::PreAuthEncoding(statement))},
                               .key_hint = key.public_key().fingerprint()}),
          FormatRfc3339(clock.Wall())));
    }
    done.added.push_back(form);
  }
  return done;
}

Result<Verified> Verify(oci::Client& client, const oci::Reference& reference,
                        const trust::PublicKey& key,
                        const std::map<std::string, std::string>& annotations) {
  TRY(store, SignatureStore::Open(client, reference));
  TRY(findings, LookAt(store, key, annotations));
  if (findings.good.empty()) return NoneGood(reference, store.digest(), findings);
  return Verified{.digest = store.digest(), .signatures = std::move(findings.good)};
}

}  // namespace slipway::model
