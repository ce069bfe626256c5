#include "registry/referrers.h"

#include <map>

#include <nlohmann/json.hpp>

#include "base/log.h"
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

void NoteUnreadable(const std::string& repository, const Digest& digest, const Error& error) {
  LogWarning("a manifest cannot be read: the list of referrers is without what it says",
             {{"repository", repository}, {"digest", digest.text()}, {"error", error}});
}

Result<std::vector<Digest>> ChildrenOf(const store::Snapshot& snapshot, store::ObjectStore& objects,
                                       const std::string& repository, const Digest& digest,
                                       const ManifestRow& row) {
  TRY(bytes, ReadManifestBytes(snapshot, objects, repository, digest));
  TRY(index, oci::ParseManifest(bytes, row.media_type));
  std::vector<Digest> children;
  for (oci::Descriptor& child : index.children) children.push_back(std::move(child.digest));
  return children;
}

// What the index under the fallback tag lists; empty if there is none, it is no index or damaged.
Result<std::vector<Digest>> FallbackDigests(const store::Snapshot& snapshot,
                                            store::ObjectStore& objects,
                                            const std::string& repository, const Digest& subject) {
  TRY(tag, FindTag(snapshot, repository, FallbackTag(subject)));
  if (!tag) return std::vector<Digest>();
  TRY(row, FindManifest(snapshot, repository, tag->digest));
  if (!row || !oci::IsIndexType(row->media_type)) return std::vector<Digest>();
  auto children = ChildrenOf(snapshot, objects, repository, tag->digest, *row);
  if (children) return children;
  NoteUnreadable(repository, tag->digest, children.error());
  return std::vector<Digest>();
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

bool IsFallbackTag(std::string_view tag) {
  if (!tag.starts_with("sha256-") && !tag.starts_with("sha512-")) return false;
  const std::string_view digits = tag.substr(7);
  return digits.size() == 64 && digits.find_first_not_of("0123456789abcdef") == digits.npos;
}

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
    if (!descriptor) {
      NoteUnreadable(repository, digest, descriptor.error());
      continue;
    }
    // Annotations may be as long as the manifest.
    bytes += row->size_bytes;
    page.descriptors.push_back(std::move(*descriptor));
  }
  return page;
}

}  // namespace slipway::registry
