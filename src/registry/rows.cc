#include "registry/rows.h"

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "registry/key_text.h"

namespace slipway::registry {
namespace {

constexpr std::string_view kBlobRows = "registry/blob/";
constexpr std::string_view kManifestRows = "registry/manifest/";
constexpr std::string_view kTagRows = "registry/tag/";

Error Corrupt(std::string_view key) {
  return DataLoss("ROW_CORRUPT", "the row " + std::string(key) + " cannot be read.");
}

// The row's JSON object, or nothing if there is no row.
Result<std::optional<Json>> ReadRow(const store::Snapshot& snapshot, const std::string& key) {
  TRY(value, snapshot.Get(key));
  if (!value) return std::optional<Json>();
  auto json = ParseJson(*value);
  if (!json || !json->is_object()) return Corrupt(key);
  return std::optional<Json>(std::move(*json));
}

std::string Text(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

uint64_t Size(const Json& json) {
  const auto found = json.find("size");
  return found != json.end() && found->is_number_unsigned() ? found->get<uint64_t>() : 0;
}

}  // namespace

std::string RepositoryKey(std::string_view repository) {
  return Join("registry/repository/", repository);
}
std::string RepositoryPrefix(std::string_view project) {
  return Join("registry/repository/", project, "/");
}
std::string RemovingKey(std::string_view repository) {
  return Join(kRemovingPrefix, repository);
}
std::string RemovingTagsPrefix(std::string_view repository) {
  return Join(kRemovingPrefix, repository, "@");
}
std::string RemovingTagsKey(std::string_view repository, const Digest& manifest) {
  return Join(RemovingTagsPrefix(repository), manifest.text());
}
std::string BlobKey(std::string_view repository, const Digest& digest) {
  return Join(kBlobRows, repository, "@", digest.text());
}
std::string BlobPrefix(std::string_view repository) {
  return Join(kBlobRows, repository, "@");
}
std::string HolderKey(const Digest& digest, std::string_view repository) {
  return Join(HolderPrefix(digest), repository);
}
std::string HolderPrefix(const Digest& digest) {
  return Join("registry/holder/", digest.text(), "@");
}
std::string ManifestKey(std::string_view repository, const Digest& digest) {
  return Join(kManifestRows, repository, "@", digest.text());
}
std::string ManifestPrefix(std::string_view repository) {
  return Join(kManifestRows, repository, "@");
}
std::string TagKey(std::string_view repository, std::string_view tag) {
  return Join(kTagRows, repository, ":", tag);
}
std::string TagPrefix(std::string_view repository) {
  return Join(kTagRows, repository, ":");
}
std::string TaggedKey(std::string_view repository, const Digest& digest, std::string_view tag) {
  return Join(TaggedPrefix(repository, digest), tag);
}
std::string TaggedPrefix(std::string_view repository, const Digest& digest) {
  return Join(TaggedPrefix(repository), digest.text(), ":");
}
std::string TaggedPrefix(std::string_view repository) {
  return Join("registry/tagged/", repository, "@");
}
std::string ReferrerKey(std::string_view repository, const Digest& subject, const Digest& digest) {
  return Join(ReferrerPrefix(repository, subject), digest.text());
}
std::string ReferrerPrefix(std::string_view repository, const Digest& subject) {
  return Join(ReferrerPrefix(repository), subject.text(), "@");
}
std::string ReferrerPrefix(std::string_view repository) {
  return Join("registry/referrer/", repository, "@");
}
std::string AliasKey(const Digest& sha512) {
  return Join("registry/alias/", sha512.text());
}
std::string ObjectKey(const Digest& object) {
  return Join("object/", object.text());
}

Result<std::optional<BlobRow>> FindBlob(const store::Snapshot& snapshot,
                                        std::string_view repository, const Digest& digest) {
  const std::string key = BlobKey(repository, digest);
  TRY(json, ReadRow(snapshot, key));
  if (!json) return std::optional<BlobRow>();
  auto object = Digest::Parse(Text(*json, "object"));
  if (!object) return Corrupt(key);
  return std::optional(BlobRow{std::move(*object), Size(*json)});
}

Result<std::optional<ManifestRow>> FindManifest(const store::Snapshot& snapshot,
                                                std::string_view repository, const Digest& digest) {
  const std::string key = ManifestKey(repository, digest);
  TRY(json, ReadRow(snapshot, key));
  if (!json) return std::optional<ManifestRow>();
  auto object = Digest::Parse(Text(*json, "object"));
  if (!object) return Corrupt(key);
  ManifestRow row{.object = std::move(*object),
                  .size_bytes = Size(*json),
                  .media_type = Text(*json, "mediaType"),
                  .artifact_type = Text(*json, "artifactType"),
                  .subject = std::nullopt};
  if (const std::string subject = Text(*json, "subject"); !subject.empty()) {
    auto parsed = Digest::Parse(subject);
    if (!parsed) return Corrupt(key);
    row.subject = std::move(*parsed);
  }
  return std::optional(std::move(row));
}

Result<std::optional<TagRow>> FindTag(const store::Snapshot& snapshot, std::string_view repository,
                                      std::string_view tag) {
  const std::string key = TagKey(repository, tag);
  TRY(json, ReadRow(snapshot, key));
  if (!json) return std::optional<TagRow>();
  auto digest = Digest::Parse(Text(*json, "digest"));
  if (!digest) return Corrupt(key);
  return std::optional(TagRow{std::move(*digest), Text(*json, "updatedAt")});
}

Result<std::optional<Digest>> ResolveAlias(const store::Snapshot& snapshot, const Digest& digest) {
  if (digest.algorithm() == DigestAlgorithm::kSha256) return std::optional(digest);
  const std::string key = AliasKey(digest);
  TRY(value, snapshot.Get(key));
  if (!value) return std::optional<Digest>();
  auto object = Digest::Parse(*value);
  if (!object) return Corrupt(key);
  return std::optional(std::move(*object));
}

Result<bool> RepositoryExists(const store::Snapshot& snapshot, std::string_view repository) {
  TRY(row, snapshot.Get(RepositoryKey(repository)));
  return row.has_value();
}

std::string EncodeRow(const BlobRow& row) {
  Json json = Json::object();
  json["object"] = row.object.text();
  json["size"] = row.size_bytes;
  return DumpJson(json);
}

std::string EncodeRow(const ManifestRow& row) {
  Json json = Json::object();
  json["object"] = row.object.text();
  json["size"] = row.size_bytes;
  json["mediaType"] = row.media_type;
  if (!row.artifact_type.empty()) json["artifactType"] = row.artifact_type;
  if (row.subject) json["subject"] = row.subject->text();
  return DumpJson(json);
}

std::string EncodeRow(const TagRow& row) {
  Json json = Json::object();
  json["digest"] = row.digest.text();
  json["updatedAt"] = row.updated_at;
  return DumpJson(json);
}

}  // namespace slipway::registry
