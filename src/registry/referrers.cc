#include "registry/referrers.h"

#include <map>

#include <nlohmann/json.hpp>

#include "oci/manifest.h"
#include "oci/media_types.h"
#include "registry/limits.h"
#include "registry/lookup.h"
#include "registry/rows.h"

namespace slipway::registry {
namespace {

// The tag under which clients kept referrers for registries without this list: the digest with a
// dash, cut to 64 digits.
std::string FallbackTag(const Digest& subject) {
  const std::string& text = subject.text();
  return text.substr(0, 6) + "-" + std::string(subject.hex().substr(0, 64));
}

// The manifest's own descriptor, with its artifact type and annotations.
Result<oci::Descriptor> DescribeManifest(const store::Snapshot& snapshot,
                                         store::ObjectStore& objects, const std::string& repository,
                                         const Digest& digest, const ManifestRow& row) {
  TRY(bytes, ReadManifestBytes(snapshot, objects, repository, digest));
  TRY(manifest, oci::ParseManifest(bytes, row.media_type));
  return oci::Descriptor{.media_type = row.media_type,
                         .digest = digest,
                         .size_bytes = row.size_bytes,
                         .annotations = std::move(manifest.annotations),
                         .artifact_type = row.artifact_type,
                         .urls = {},
                         .platform = std::nullopt};
}

// What the index under the fallback tag lists; empty if there is none or it is no index.
Result<std::vector<Digest>> FallbackDigests(const store::Snapshot& snapshot,
                                            store::ObjectStore& objects,
                                            const std::string& repository, const Digest& subject) {
  std::vector<Digest> digests;
  TRY(tag, FindTag(snapshot, repository, FallbackTag(subject)));
  if (!tag) return digests;
  TRY(row, FindManifest(snapshot, repository, tag->digest));
  if (!row || !oci::IsIndexType(row->media_type)) return digests;
  TRY(bytes, ReadManifestBytes(snapshot, objects, repository, tag->digest));
  TRY(index, oci::ParseManifest(bytes, row->media_type));
  for (oci::Descriptor& child : index.children) digests.push_back(std::move(child.digest));
  return digests;
}

// Candidates after `last`, in order: one more than a page, so that its end is known.
Result<std::map<std::string, Digest>> Candidates(const store::Snapshot& snapshot,
                                                 store::ObjectStore& objects,
                                                 const std::string& repository,
                                                 const Digest& subject, std::string_view last) {
  std::map<std::string, Digest> out;
  const std::string prefix = ReferrerPrefix(repository, subject);
  const std::string begin = prefix + std::string(last) + (last.empty() ? "" : std::string(1, '\0'));
  TRY(rows, snapshot.Scan(begin, store::PrefixEnd(prefix), kMaxReferrerPage + 1));
  for (const store::KeyValue& row : rows) {
    auto digest = Digest::Parse(std::string_view(row.key).substr(prefix.size()));
    if (digest) out.emplace(digest->text(), *digest);
  }
  const bool complete = rows.size() <= kMaxReferrerPage;
  TRY(fallback, FallbackDigests(snapshot, objects, repository, subject));
  for (Digest& digest : fallback) {
    const bool in_page = complete || digest.text() <= out.rbegin()->first;
    if (digest.text() > last && in_page) out.emplace(digest.text(), std::move(digest));
  }
  return out;
}

}  // namespace

Result<ReferrerPage> ListReferrers(const store::Snapshot& snapshot, store::ObjectStore& objects,
                                   const std::string& repository, const Digest& subject,
                                   std::string_view artifact_type, std::string_view last) {
  ReferrerPage page;
  TRY(exists, RepositoryExists(snapshot, repository));
  if (!exists) return page;
  TRY(candidates, Candidates(snapshot, objects, repository, subject, last));
  size_t looked_at = 0;
  uint64_t bytes = 0;
  std::string previous;
  for (const auto& [text, digest] : candidates) {
    if (++looked_at > kMaxReferrerPage || bytes > kMaxReferrerPageBytes) {
      page.next = previous;
      break;
    }
    previous = text;
    TRY(row, FindManifest(snapshot, repository, digest));
    if (!row || (!artifact_type.empty() && row->artifact_type != artifact_type)) continue;
    auto descriptor = DescribeManifest(snapshot, objects, repository, digest, *row);
    // A damaged one does not hide the others.
    if (!descriptor && descriptor.error().code() == Code::kNotFound) continue;
    if (!descriptor) return descriptor.error();
    // Annotations may be as long as the manifest.
    bytes += row->size_bytes;
    page.descriptors.push_back(std::move(*descriptor));
  }
  return page;
}

}  // namespace slipway::registry
