#include "klever/harbor/artifact_list.h"

#include <algorithm>
#include <map>

#include <nlohmann/json.hpp>

#include "klever/limits.h"
#include "oci/manifest.h"
#include "oci/media_types.h"
#include "registry/lookup.h"
#include "registry/projection.h"
#include "registry/rows.h"
#include "resource/row_keys.h"

namespace slipway::klever {
namespace {

// When a tag of each manifest moved last.
Result<std::map<std::string, std::string>> TagTimes(const store::Snapshot& snapshot,
                                                    const std::string& repository) {
  const std::string prefix = registry::TagPrefix(repository);
  TRY(rows, snapshot.Scan(prefix, store::PrefixEnd(prefix), kMaxListed));
  std::map<std::string, std::string> times;
  for (const store::KeyValue& row : rows) {
    TRY(json, ParseJson(row.value));
    std::string& time = times[json.value("digest", "")];
    time = std::max(time, json.value("updatedAt", ""));
  }
  return times;
}

uint64_t SizeOf(const registry::ManifestRow& row, const oci::Manifest& manifest) {
  uint64_t size = row.size_bytes;
  if (manifest.config) size += manifest.config->size_bytes;
  for (const oci::Descriptor& layer : manifest.layers) size += layer.size_bytes;
  for (const oci::Descriptor& child : manifest.children) size += child.size_bytes;
  return size;
}

// When the version was pushed, where it is a model; of others the rows do not say.
Result<std::string> PushTime(const store::Snapshot& snapshot, const std::string& repository,
                             const Digest& digest) {
  TRY(row, snapshot.Get(resource::RowKey(registry::ModelVersionKey(repository, digest))));
  if (!row) return std::string();
  TRY(json, ParseJson(*row));
  TRY(version, resource::ResourceFromStored(json));
  return version.metadata.created_at;
}

Json References(const oci::Manifest& manifest) {
  Json references = Json::array();
  for (const oci::Descriptor& child : manifest.children) {
    references.push_back({{"child_digest", child.digest.text()}});
  }
  return references;
}

}  // namespace

Result<ArtifactPage> ListArtifacts(const store::Snapshot& snapshot, const std::string& repository,
                                   const HarborPage& page) {
  TRY(exists, registry::RepositoryExists(snapshot, repository));
  if (!exists) return NotFound("NAME_UNKNOWN", "there is no repository " + repository + ".");
  const std::string prefix = registry::ManifestPrefix(repository);
  TRY(rows, snapshot.ScanSizes(prefix, store::PrefixEnd(prefix), kMaxListed));
  TRY(times, TagTimes(snapshot, repository));
  const auto time_of = [&](const store::KeySize& row) {
    const auto found = times.find(row.key.substr(prefix.size()));
    return found == times.end() ? std::string() : found->second;
  };
  std::ranges::sort(rows, [&](const store::KeySize& a, const store::KeySize& b) {
    const std::string time_a = time_of(a);
    const std::string time_b = time_of(b);
    return time_a == time_b ? a.key < b.key : time_a > time_b;
  });
  ArtifactPage artifacts{.digests = {}, .total = rows.size()};
  for (size_t i = page.first(); i < rows.size() && artifacts.digests.size() < page.size; ++i) {
    TRY(digest, Digest::Parse(std::string_view(rows[i].key).substr(prefix.size())));
    artifacts.digests.push_back(std::move(digest));
  }
  return artifacts;
}

Result<Json> TagsOf(const store::Snapshot& snapshot, const std::string& repository,
                    const Digest& digest) {
  const std::string prefix = registry::TaggedPrefix(repository, digest);
  TRY(rows, snapshot.ScanSizes(prefix, store::PrefixEnd(prefix), kMaxListed));
  Json tags = Json::array();
  for (const store::KeySize& row : rows) {
    const std::string name = row.key.substr(prefix.size());
    TRY(tag, registry::FindTag(snapshot, repository, name));
    if (!tag) continue;
    tags.push_back({{"id", TagId(repository, name)},
                    {"name", name},
                    {"push_time", tag->updated_at},
                    {"artifact_id", ArtifactId(repository, digest.text())},
                    {"repository_id", RepositoryId(repository)},
                    {"immutable", false}});
  }
  return tags;
}

Result<Json> ArtifactJson(const store::Snapshot& snapshot, store::ObjectStore& objects,
                          const std::string& repository, const Digest& digest, int64_t project_id) {
  TRY(row, registry::FindManifest(snapshot, repository, digest));
  if (!row) return registry::UnknownManifest(repository, digest.text());
  TRY(bytes, registry::ReadManifestBytes(snapshot, objects, repository, digest));
  TRY(manifest, oci::ParseManifest(bytes, row->media_type));
  TRY(push_time, PushTime(snapshot, repository, digest));
  Json json = {{"id", ArtifactId(repository, digest.text())},
               {"type", ArtifactTypeOf(manifest)},
               {"digest", digest.text()},
               {"media_type", manifest.config ? manifest.config->media_type : row->media_type},
               {"manifest_media_type", row->media_type},
               {"artifact_type", row->artifact_type},
               {"size", SizeOf(*row, manifest)},
               {"project_id", project_id},
               {"repository_id", RepositoryId(repository)},
               {"repository_name", repository}};
  if (!push_time.empty()) json["push_time"] = std::move(push_time);
  if (!manifest.annotations.empty()) json["annotations"] = manifest.annotations;
  if (!manifest.children.empty()) json["references"] = References(manifest);
  return json;
}

}  // namespace slipway::klever
