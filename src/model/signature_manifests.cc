#include "model/signature_manifests.h"

#include <cstring>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "model/limits.h"
#include "oci/manifest.h"
#include "oci/media_types.h"
#include "trust/bundle.h"
#include "trust/limits.h"

namespace slipway::model {
namespace {

constexpr std::string_view kPayloadType = "application/vnd.dev.cosign.simplesigning.v1+json";
constexpr std::string_view kSignature = "dev.cosignproject.cosign/signature";
constexpr std::string_view kZeroTime = "0001-01-01T00:00:00Z";

// What cosign writes as the config of an image whose layers are payloads.
std::string ConfigOf(const Json& layers) {
  Json diff_ids = Json::array();
  Json history = Json::array();
  for (const Json& layer : layers) {
    diff_ids.push_back(layer["digest"]);
    history.push_back({{"created", kZeroTime}});
  }
  return DumpJson({{"architecture", ""},
                   {"created", kZeroTime},
                   {"history", std::move(history)},
                   {"os", ""},
                   {"rootfs", {{"type", "layers"}, {"diff_ids", std::move(diff_ids)}}},
                   {"config", Json::object()}});
}

Error TooMany(const std::string& where, size_t count) {
  return ResourceExhausted(
      "SIGNATURES_TOO_MANY",
      fmt::format("{} has {} signatures; at most {} are looked at", where, count, kMaxSignatures));
}

}  // namespace

Result<SignatureStore> SignatureStore::Open(oci::Client& client, const oci::Reference& reference) {
  // The bytes, not a header: what is signed or verified is what they hash to.
  auto found = client.GetManifest(reference.repository, reference.Selector());
  if (!found && found.error().code() == Code::kNotFound) {
    return NotFound("MANIFEST_UNKNOWN", fmt::format("{} is not there", reference.ToString()));
  }
  if (!found) return found.error();
  return SignatureStore(
      client, reference.repository,
      {.media_type =
           found->media_type.empty() ? std::string(oci::kImageManifestType) : found->media_type,
       .digest = found->digest,
       .size_bytes = found->bytes.size()});
}

std::string SignatureStore::Tag() const {
  std::string tag = digest().text();
  tag[tag.find(':')] = '-';
  return tag + ".sig";
}

Result<std::string> SignatureStore::ReadBlob(const oci::Descriptor& blob, uint64_t limit_bytes) {
  if (blob.size_bytes > limit_bytes) {
    return InvalidArgument("SIGNATURE_TOO_LARGE",
                           fmt::format("{} has {} bytes, at most {} are read of a signature",
                                       blob.digest.text(), blob.size_bytes, limit_bytes));
  }
  std::string bytes;
  TRY_VOID(client_.DownloadBlob(
      repository_, blob.digest, blob.size_bytes, 0,
      [&bytes](std::string_view piece) -> Result<void> {
        bytes += piece;
        return {};
      },
      Hasher(blob.digest.algorithm())));
  return bytes;
}

Result<oci::Descriptor> SignatureStore::Upload(std::string_view media_type,
                                               const std::string& content) {
  oci::Descriptor descriptor{.media_type = std::string(media_type),
                             .digest = Digest::Of(content),
                             .size_bytes = content.size()};
  TRY(there, client_.HeadBlob(repository_, descriptor.digest));
  if (there) return descriptor;
  TRY_VOID(client_.UploadBlob(repository_, descriptor.digest, content.size(),
                              [&content](uint64_t offset, char* out, size_t size) {
                                return Result<size_t>(content.copy(out, size, offset));
                              }));
  return descriptor;
}

Result<std::vector<TaggedSignature>> SignatureStore::ReadTagged() {
  std::vector<TaggedSignature> found;
  auto fetched = client_.GetManifest(repository_, Tag());
  if (!fetched && fetched.error().code() == Code::kNotFound) return found;
  if (!fetched) return fetched.error();
  auto manifest = oci::ParseManifest(fetched->bytes, fetched->media_type);
  if (!manifest) return manifest.error().Prefixed(fmt::format("{}: ", Tag()));
  if (manifest->layers.size() > kMaxSignatures) return TooMany(Tag(), manifest->layers.size());
  for (const oci::Descriptor& layer : manifest->layers) {
    if (layer.media_type != kPayloadType) continue;
    TRY(payload, ReadBlob(layer, trust::kMaxSignedBytes));
    found.push_back(
        {.payload = std::move(payload), .signature = std::string(layer.annotation(kSignature))});
  }
  return found;
}

Result<void> SignatureStore::AddTagged(const TaggedSignature& signature) {
  Json manifest = {{"schemaVersion", 2},
                   {"mediaType", oci::kImageManifestType},
                   {"config", Json::object()},
                   {"layers", Json::array()}};
  auto before = client_.GetManifest(repository_, Tag());
  if (!before && before.error().code() != Code::kNotFound) return before.error();
  if (before) {
    // Parsed twice: once for the checks, once to keep members that nobody here knows.
    auto checked = oci::ParseManifest(before->bytes, before->media_type);
    if (!checked || checked->is_index()) {
      return FailedPrecondition("SIGNATURE_TAG_FOREIGN",
                                fmt::format("what is tagged {} holds no signatures of cosign; sign "
                                            "with --form bundle",
                                            Tag()));
    }
    if (checked->layers.size() >= kMaxSignatures) return TooMany(Tag(), checked->layers.size() + 1);
    TRY(json, ParseJson(before->bytes));
    manifest = std::move(json);
  }
  TRY(layer, Upload(kPayloadType, signature.payload));
  layer.annotations[std::string(kSignature)] = signature.signature;
  manifest["layers"].push_back(oci::ToJson(layer));
  TRY(config, Upload(oci::kImageConfigType, ConfigOf(manifest["layers"])));
  manifest["config"] = oci::ToJson(config);
  TRY_VOID(client_.PutManifest(repository_, Tag(),
                               manifest.value("mediaType", std::string(oci::kImageManifestType)),
                               DumpJson(manifest)));
  return {};
}

Result<std::string> SignatureStore::ReadBundle(const oci::Descriptor& referrer) {
  TRY(fetched, client_.GetManifest(repository_, referrer.digest.text()));
  auto manifest = oci::ParseManifest(fetched.bytes, fetched.media_type);
  // The list is the registry's word; the manifest says itself what it refers to.
  if (!manifest || !manifest->subject || manifest->subject->digest != digest() ||
      manifest->layers.size() != 1 || manifest->layers[0].media_type != trust::kBundleType) {
    return std::string();
  }
  return ReadBlob(manifest->layers[0], trust::kMaxBundleBytes);
}

Result<std::vector<std::string>> SignatureStore::ReadBundles() {
  TRY(referrers, client_.ListReferrers(repository_, digest()));
  std::erase_if(referrers, [](const oci::Descriptor& referrer) {
    return referrer.artifact_type != trust::kBundleType;
  });
  if (referrers.size() > kMaxSignatures) return TooMany(digest().text(), referrers.size());
  std::vector<std::string> bundles;
  for (const oci::Descriptor& referrer : referrers) {
    TRY(bundle, ReadBundle(referrer));
    if (!bundle.empty()) bundles.push_back(std::move(bundle));
  }
  return bundles;
}

Result<void> SignatureStore::AddBundle(const std::string& bundle, const std::string& created_at) {
  TRY(config, Upload(oci::kEmptyType, "{}"));
  TRY(layer, Upload(trust::kBundleType, bundle));
  const Json annotations = {
      {"dev.sigstore.bundle.content", "dsse-envelope"},
      {"dev.sigstore.bundle.predicateType", "https://sigstore.dev/cosign/sign/v1"},
      {"org.opencontainers.image.created", created_at}};
  const std::string bytes = DumpJson({{"schemaVersion", 2},
                                      {"mediaType", oci::kImageManifestType},
                                      {"artifactType", trust::kBundleType},
                                      {"config", oci::ToJson(config)},
                                      {"layers", Json::array({oci::ToJson(layer)})},
                                      {"subject", oci::ToJson(subject_)},
                                      {"annotations", annotations}});
  return client_.PutReferrer(repository_,
                             {.media_type = std::string(oci::kImageManifestType),
                              .digest = Digest::Of(bytes),
                              .size_bytes = bytes.size(),
                              .annotations = annotations.get<oci::Annotations>(),
                              .artifact_type = std::string(trust::kBundleType)},
                             bytes, digest());
}

}  // namespace slipway::model
