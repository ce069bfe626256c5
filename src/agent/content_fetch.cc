#include "agent/content_fetch.h"

#include <utility>

#include "agent/limits.h"
#include "oci/manifest.h"

namespace slipway::agent {
namespace {

class StoreContent final : public oci::ContentSource {
 public:
  explicit StoreContent(store::ObjectStore& store) : store_(store) {}
  Result<std::unique_ptr<File>> Open(const Digest& digest) override { return store_.Open(digest); }
  std::optional<std::string> LocalPath(const Digest& digest) override {
    return store_.LocalPath(digest);
  }

 private:
  store::ObjectStore& store_;
};

Result<bool> IsHere(oci::ContentSource& content, const Digest& digest) {
  auto file = content.Open(digest);
  if (file.has_value()) return true;
  if (file.error().code() == Code::kNotFound) return false;
  return file.error();
}

Result<std::string> FetchManifest(ControlLink& link, const SiteContent& site,
                                  const std::string& repository, const Digest& digest) {
  TRY(here, IsHere(*site.content, digest));
  if (here) return oci::ReadContent(*site.content, digest, kMaxManifestBytes);
  TRY(bytes, link.Manifest(repository, digest));
  Digest actual = Digest::Of(bytes, digest.algorithm());
  if (actual != digest) {
    return InvalidArgument("DIGEST_MISMATCH", "the manifest " + digest.text() + " of " +
                                                  repository + " came with other bytes, " +
                                                  actual.text());
  }
  TRY(stored, store::PutObject(*site.store, bytes));
  (void)stored;
  return bytes;
}

Result<void> FetchBlob(ControlLink& link, const SiteContent& site, const std::string& repository,
                       const oci::Descriptor& blob) {
  TRY(here, IsHere(*site.content, blob.digest));
  if (here) return {};
  TRY(upload, site.store->Begin());
  std::string id = upload->id();
  uint64_t size = blob.size_bytes;
  auto received = link.Blob(repository, blob.digest, [&](std::string_view piece) -> Result<void> {
    // Refused while it arrives: a wrong length never fills the disk.
    if (upload->size_bytes() + piece.size() > size) {
      return InvalidArgument("DIGEST_MISMATCH", "the content " + blob.digest.text() + " of " +
                                                    repository + " is longer than the " +
                                                    std::to_string(size) +
                                                    " bytes that its manifest names");
    }
    return upload->Append(piece);
  });
  if (received.has_error()) {
    upload.reset();
    (void)site.store->Abort(id);
    return received.error();
  }
  TRY(stored, site.store->Commit(std::move(upload), blob.digest));
  (void)stored;
  return {};
}

}  // namespace

std::unique_ptr<oci::ContentSource> MakeStoreContent(store::ObjectStore& store) {
  return std::make_unique<StoreContent>(store);
}

Result<std::string> FetchModel(ControlLink& link, const SiteContent& site,
                               const std::string& repository, const Digest& manifest_digest) {
  TRY(bytes, FetchManifest(link, site, repository, manifest_digest));
  TRY(manifest, oci::ParseManifest(bytes));
  if (manifest.config.has_value()) {
    TRY_VOID(FetchBlob(link, site, repository, *manifest.config));
  }
  for (const oci::Descriptor& layer : manifest.layers) {
    TRY_VOID(FetchBlob(link, site, repository, layer));
  }
  return bytes;
}

}  // namespace slipway::agent
