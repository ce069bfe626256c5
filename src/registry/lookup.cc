#include "registry/lookup.h"

#include "oci/limits.h"
#include "oci/reference.h"
#include "registry/damage.h"

namespace slipway::registry {

Error UnknownManifest(std::string_view repository, std::string_view selector) {
  return NotFound("MANIFEST_UNKNOWN", "the repository " + std::string(repository) +
                                          " has no manifest '" + std::string(selector) + "'.");
}

Error UnknownBlob(std::string_view repository, const Digest& digest) {
  return NotFound("BLOB_UNKNOWN", "the repository " + std::string(repository) + " has no blob " +
                                      digest.text() + ".");
}

Result<std::optional<Digest>> ResolveTag(const store::Snapshot& snapshot,
                                         std::string_view repository, std::string_view tag) {
  const std::string canonical = oci::CanonicalRepository(repository);
  TRY(exists, RepositoryExists(snapshot, canonical));
  if (!exists) return std::optional<Digest>();
  TRY(row, FindTag(snapshot, canonical, tag));
  if (!row) return std::optional<Digest>();
  return std::optional(std::move(row->digest));
}

Result<std::optional<std::string>> ReadInlineObject(const store::Snapshot& snapshot,
                                                    const Digest& object) {
  return snapshot.Get(ObjectKey(object));
}

Result<std::string> ReadManifestBytes(const store::Snapshot& snapshot, store::ObjectStore& objects,
                                      std::string_view repository, const Digest& digest) {
  const std::string canonical = oci::CanonicalRepository(repository);
  TRY(exists, RepositoryExists(snapshot, canonical));
  if (!exists) return UnknownManifest(repository, digest.text());
  TRY(row, FindManifest(snapshot, canonical, digest));
  if (!row) return UnknownManifest(repository, digest.text());
  TRY(damaged, IsDamaged(snapshot, row->object));
  if (damaged) return DamagedManifest(repository, digest);
  TRY(bytes, ReadInlineObject(snapshot, row->object));
  if (bytes) return std::move(*bytes);
  auto read = store::GetObject(objects, row->object, oci::kMaxManifestBytes);
  const bool whole = read && read->size() == row->size_bytes;
  const bool lost = read ? !whole : read.error().code() == Code::kNotFound;
  if (lost) return LostManifest(repository, digest);
  return read;
}

}  // namespace slipway::registry
