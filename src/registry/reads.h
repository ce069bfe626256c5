// Reads: manifests and blobs as GET and HEAD find them, in the database or in what was read of it
// lately. For the .cc files of this module.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "registry/limits.h"
#include "registry/presence.h"
#include "registry/rows.h"
#include "registry/stamped_cache.h"
#include "store/meta/meta_store.h"

namespace slipway::registry {

// What stands after `manifests/`: a digest, or a tag.
struct Selector {
  std::optional<Digest> digest;
  std::string tag;
};

// The digest in quotes: content never changes under it.
std::string EntityTag(const Digest& digest);

struct FoundManifest {
  Digest digest;
  ManifestRow row;
  std::string headers;                      // of an answer that has it: net::AppendHeader
  std::optional<std::string> inline_bytes;  // nothing if the bytes are a file of the object store
};

struct FoundBlob {
  BlobRow row;
  std::string headers;                      // likewise
  std::optional<std::string> inline_bytes;  // likewise
  mutable LastSeen file_seen;               // where the bytes are a file
};

// Never behind an acknowledged change; costs no read of the database for what was asked for lately
// and has not changed, however much else has. Thread-safe. `repository` is canonical.
class Reads {
 public:
  explicit Reads(store::MetaStore& meta);

  // What was read lately, or nothing. At once: ask for it first.
  std::shared_ptr<const FoundManifest> RecentManifest(const std::string& repository,
                                                      const Selector& selector) const;
  std::shared_ptr<const FoundBlob> RecentBlob(const std::string& repository,
                                              const Digest& digest) const;

  // Everything, for bytes were healed whose rows stayed as they were. Nobody asks for what was read
  // lately before that, as long as there is damage.
  void Forget();

  // NOT_FOUND / MANIFEST_UNKNOWN, also for what is damaged.
  Task<Result<std::shared_ptr<const FoundManifest>>> ReadManifest(const std::string& repository,
                                                                  const Selector& selector);
  // NOT_FOUND / BLOB_UNKNOWN, likewise.
  Task<Result<std::shared_ptr<const FoundBlob>>> ReadBlob(const std::string& repository,
                                                          const Digest& digest);

 private:
  store::MetaStore& meta_;
  StampedCache<Digest> tags_;
  StampedCache<FoundManifest> manifests_;
  StampedCache<FoundBlob> blobs_;
};

}  // namespace slipway::registry
