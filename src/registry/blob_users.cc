#include "registry/blob_users.h"

#include <algorithm>

#include "oci/manifest.h"
#include "registry/limits.h"
#include "registry/lookup.h"
#include "registry/rows.h"

namespace slipway::registry {
namespace {

bool Names(const oci::Manifest& manifest, const Digest& blob) {
  const auto is_blob = [&blob](const oci::Descriptor& one) { return one.digest == blob; };
  return (manifest.config && is_blob(*manifest.config)) ||
         std::ranges::any_of(manifest.layers, is_blob) ||
         std::ranges::any_of(manifest.children, is_blob);
}

}  // namespace

Result<std::optional<Digest>> FindBlobUser(const store::Snapshot& snapshot,
                                           store::ObjectStore& objects,
                                           const std::string& repository, const Digest& blob) {
  const std::string prefix = ManifestPrefix(repository);
  std::string from = prefix;
  while (true) {
    TRY(rows, snapshot.Scan(from, store::PrefixEnd(prefix), kManifestsPerPage));
    for (const store::KeyValue& row : rows) {
      TRY(digest, Digest::Parse(std::string_view(row.key).substr(prefix.size())));
      TRY(manifest_row, FindManifest(snapshot, repository, digest));
      auto bytes = ReadManifestBytes(snapshot, objects, repository, digest);
      if (bytes.has_error()) continue;
      auto manifest = oci::ParseManifest(*bytes, manifest_row ? manifest_row->media_type : "");
      if (manifest.has_value() && Names(*manifest, blob)) return std::optional(digest);
    }
    if (rows.size() < kManifestsPerPage) return std::optional<Digest>();
    from = rows.back().key + '\0';
  }
}

}  // namespace slipway::registry
