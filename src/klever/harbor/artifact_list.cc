#include "klever/harbor/artifact_list.h"

#include <algorithm>
#include <map>
#include <utility>

#include <nlohmann/json.hpp>

#include "klever/limits.h"
#include "oci/manifest.h"
#include "oci/media_types.h"
#include "registry/lookup.h"
#include "registry/projection.h"
#include "registry/rows.h"
#include "registry/tag_moves.h"
#include "resource/row_keys.h"

namespace slipway::klever {
namespace {

using Times = std::map<std::string, std::string, std::less<>>;

// When a tag of each manifest moved last; in a repository of many tags, of those of the last moves.
Result<Times> TagTimes(const store::Snapshot& snapshot, const std::string& repository) {
  const std::string prefix = registry::TagPrefix(repository);
  TRY(rows, snapshot.Scan(prefix, store::PrefixEnd(prefix), kMaxSortedTags + 1));
  Times times;
  const auto note = [&](const std::string& digest, const std::string& at) {
    std::string& time = times[digest];
    time = std::max(time, at);
  };
  if (rows.size() <= kMaxSortedTags) {
    for (const store::KeyValue& row : rows) {
      // One that cannot be read hides no other.
      const auto json = ParseJson(row.value);
      if (!json || !json->is_object()) continue;
      note(json->value("digest", ""), json->value("updatedAt", ""));
    }
    return times;
  }
  TRY(moves, registry::ReadMoves(snapshot, repository, "", {}, kMaxSortedTags));
  for (const registry::TagMove& move : moves.moves) {
    if (!move.digest.empty()) note(move.digest, move.at);
  }
  return times;
}

// Of the manifests `rows`, which are in order: those that have a time, the latest first.
std::vector<std::string_view> Latest(const std::vector<store::KeySize>& rows, size_t prefix_bytes,
                                     const Times& times) {
  std::vector<std::pair<std::string_view, std::string_view>> timed;
  for (const store::KeySize& row : rows) {
    const std::string_view digest = std::string_view(row.key).substr(prefix_bytes);
    const auto found = times.find(digest);
    if (found != times.end()) timed.emplace_back(found->second, digest);
  }
  std::ranges::sort(timed, [](const auto& a, const auto& b) {
    return a.first == b.first ? a.second < b.second : a.first > b.first;
  });
  std::vector<std::string_view> latest;
  for (const auto& [time, digest] : timed) latest.push_back(digest);
  return latest;
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
  std::vector<std::string_view> ordered = Latest(rows, prefix.size(), times);
  const size_t end = page.first() + page.size;
  for (size_t i = 0; i < rows.size() && ordered.size() < end; ++i) {
    const std::string_view digest = std::string_view(rows[i].key).substr(prefix.size());
    if (!times.contains(digest)) ordered.push_back(digest);
  }
  ArtifactPage artifacts{.digests = {}, .total = rows.size()};
  for (size_t i = page.first(); i < std::min(end, ordered.size()); ++i) {
    TRY(digest, Digest::Parse(ordered[i]));
    artifacts.digests.push_back(std::move(digest));
  }
  return artifacts;
}

Result<TagPage> ListTags(const store::Snapshot& snapshot, const std::string& repository,
                         const Digest& digest, const HarborPage& page) {
  const std::string prefix = registry::TaggedPrefix(repository, digest);
  TRY(rows, snapshot.ScanSizes(prefix, store::PrefixEnd(prefix), kMaxListed));
  TagPage tags{.names = {}, .total = rows.size()};
  for (size_t i = page.first(); i < rows.size() && tags.names.size() < page.size; ++i) {
    tags.names.push_back(rows[i].key.substr(prefix.size()));
  }
  return tags;
}

Result<std::vector<std::string>> FirstTags(const store::Snapshot& snapshot,
                                           const std::string& repository, const Digest& digest) {
  const std::string prefix = registry::TaggedPrefix(repository, digest);
  TRY(rows, snapshot.ScanSizes(prefix, store::PrefixEnd(prefix), kMaxTagsOfArtifact));
  std::vector<std::string> names;
  for (const store::KeySize& row : rows) names.push_back(row.key.substr(prefix.size()));
  return names;
}

Result<Json> TagsJson(const store::Snapshot& snapshot, const std::string& repository,
                      const Digest& digest, const std::vector<std::string>& names) {
  Json tags = Json::array();
  for (const std::string& name : names) {
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
