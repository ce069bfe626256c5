#include "registry/reads.h"

#include "net/response_head.h"
#include "registry/damage.h"
#include "registry/error_response.h"
#include "registry/lookup.h"

namespace slipway::registry {
namespace {

// What both hold beside themselves.
template <class Found>
size_t SizeOf(const Found& found) {
  return found.headers.size() + (found.inline_bytes ? found.inline_bytes->size() : 0);
}

// The headers that name content: its digest, also as its entity tag.
std::string HeadersOf(const Digest& digest, std::string_view media_type) {
  std::string out;
  net::AppendHeader("Content-Type", media_type, out);
  net::AppendHeader("Docker-Content-Digest", digest.text(), out);
  net::AppendHeader("ETag", EntityTag(digest), out);
  net::AppendHeader(kVersionHeader, kVersionValue, out);
  return out;
}

Result<FoundManifest> FindSelected(const store::Snapshot& snapshot, const std::string& repository,
                                   const Selector& selector) {
  TRY(exists, RepositoryExists(snapshot, repository));
  if (!exists) {
    return UnknownManifest(repository, selector.digest ? selector.digest->text() : selector.tag);
  }
  std::optional<Digest> digest = selector.digest;
  if (!digest) {
    TRY(tag, FindTag(snapshot, repository, selector.tag));
    if (!tag) return UnknownManifest(repository, selector.tag);
    digest = tag->digest;
  }
  TRY(row, FindManifest(snapshot, repository, *digest));
  if (!row) return UnknownManifest(repository, digest->text());
  TRY(damaged, IsDamaged(snapshot, row->object));
  if (damaged) return DamagedManifest(repository, *digest);
  TRY(bytes, ReadInlineObject(snapshot, row->object));
  std::string headers = HeadersOf(*digest, row->media_type);
  return FoundManifest{.digest = *digest,
                       .row = std::move(*row),
                       .headers = std::move(headers),
                       .inline_bytes = std::move(bytes)};
}

}  // namespace

std::string EntityTag(const Digest& digest) {
  return "\"" + digest.text() + "\"";
}

Reads::Reads(store::MetaStore& meta)
    : meta_(meta),
      tags_(meta.stamps(), kMaxRecentTagBytes),
      manifests_(meta.stamps(), kMaxRecentManifestBytes),
      blobs_(meta.stamps(), kMaxRecentBlobBytes) {}

std::shared_ptr<const FoundManifest> Reads::RecentManifest(const std::string& repository,
                                                           const Selector& selector) const {
  if (selector.digest) return manifests_.Find(ManifestKey(repository, *selector.digest));
  const std::shared_ptr<const Digest> digest = tags_.Find(TagKey(repository, selector.tag));
  if (!digest) return nullptr;
  return manifests_.Find(ManifestKey(repository, *digest));
}

std::shared_ptr<const FoundBlob> Reads::RecentBlob(const std::string& repository,
                                                   const Digest& digest) const {
  return blobs_.Find(BlobKey(repository, digest));
}

Task<Result<std::shared_ptr<const FoundManifest>>> Reads::ReadManifest(
    const std::string& repository, const Selector& selector) {
  // A manifest is kept with a stamp from before it was read. Behind a tag that was never read its
  // key is not known yet: then the tag is kept, and the manifest when it is read the next time. All
  // of it counts only as long as the repository is there.
  const store::KeyStamp there = meta_.stamps().Of(RepositoryKey(repository));
  std::optional<Digest> expected = selector.digest;
  std::string tag_key;
  store::KeyStamp tag_stamp;
  if (!selector.digest) {
    tag_key = TagKey(repository, selector.tag);
    tag_stamp = meta_.stamps().Of(tag_key);
    if (const auto recent = tags_.Find(tag_key)) expected = *recent;
  }
  const std::string key = expected ? ManifestKey(repository, *expected) : "";
  const store::KeyStamp stamp = meta_.stamps().Of(key);
  std::shared_ptr<const FoundManifest> found;
  CO_TRY_VOID(co_await meta_.Read([&](const store::Snapshot& snapshot) -> Result<void> {
    TRY(manifest, FindSelected(snapshot, repository, selector));
    found = std::make_shared<const FoundManifest>(std::move(manifest));
    return {};
  }));
  if (!selector.digest) {
    tags_.Insert(tag_key, {tag_stamp, there}, std::make_shared<const Digest>(found->digest),
                 found->digest.text().size());
  }
  if (found->digest == expected) {
    manifests_.Insert(key, {stamp, there}, found, SizeOf(*found));
  }
  co_return found;
}

Task<Result<std::shared_ptr<const FoundBlob>>> Reads::ReadBlob(const std::string& repository,
                                                               const Digest& digest) {
  const std::string key = BlobKey(repository, digest);
  const store::KeyStamp stamp = meta_.stamps().Of(key);
  const store::KeyStamp there = meta_.stamps().Of(RepositoryKey(repository));
  std::shared_ptr<const FoundBlob> found;
  CO_TRY_VOID(co_await meta_.Read([&](const store::Snapshot& snapshot) -> Result<void> {
    TRY(exists, RepositoryExists(snapshot, repository));
    if (!exists) return UnknownBlob(repository, digest);
    TRY(row, FindBlob(snapshot, repository, digest));
    if (!row) return UnknownBlob(repository, digest);
    TRY(damaged, IsDamaged(snapshot, row->object));
    if (damaged) return DamagedBlob(repository, digest);
    TRY(bytes, ReadInlineObject(snapshot, row->object));
    std::string headers = HeadersOf(digest, "application/octet-stream");
    net::AppendHeader("Accept-Ranges", "bytes", headers);
    found.reset(new FoundBlob{.row = std::move(*row),
                              .headers = std::move(headers),
                              .inline_bytes = std::move(bytes),
                              .file_seen = {}});
    return {};
  }));
  blobs_.Insert(key, {stamp, there}, found, SizeOf(*found));
  co_return found;
}

void Reads::Forget() {
  tags_.Clear();
  manifests_.Clear();
  blobs_.Clear();
}

}  // namespace slipway::registry
