// The limits of this module.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace slipway::registry {

// Blobs and manifests up to this size are rows of the database, so that one commit serves them;
// larger ones are files of the object store.
inline constexpr uint64_t kMaxInlineBytes = 64 << 10;
// RegistryOptions::max_manifest_bytes may be set up to oci::kMaxManifestBytes.
inline constexpr uint64_t kDefaultMaxManifestBytes = 4 << 20;
// One piece of an upload on its way from the socket to the object store.
inline constexpr size_t kUploadPieceBytes = 1 << 20;
// An upload is synced each time that so much of it has come, so that a restart costs no more.
inline constexpr uint64_t kUploadSyncBytes = 64 << 20;
// Small contents of open upload sessions that are kept in memory, by count.
inline constexpr size_t kMaxSmallUploads = 256;
// Unfinished uploads without a byte for so long are removed; looked for every so often.
inline constexpr std::chrono::hours kUploadExpiry{24};
inline constexpr std::chrono::minutes kSweepInterval{30};

// Rows of repositories that one transaction deletes.
inline constexpr size_t kMaxRemovedRows = 100'000;

// Tags of one PUT of a manifest by digest (`?tag=`).
inline constexpr size_t kMaxTagsPerPut = 64;
// Pages of lists; callers may ask for less.
inline constexpr size_t kMaxTagPage = 1'000;
inline constexpr size_t kMaxReferrerPage = 200;
inline constexpr uint64_t kMaxReferrerPageBytes = 4 << 20;
// Repositories that a mount without `from` looks at.
// Looked at together when a blob is deleted.
inline constexpr size_t kManifestsPerPage = 500;
inline constexpr size_t kMaxMountCandidates = 1'000;

// What a ModelVersion and a Model show of long lists; the registry's own rows are complete.
inline constexpr size_t kMaxProjectedFiles = 1'000;
inline constexpr size_t kMaxProjectedTags = 1'000;

}  // namespace slipway::registry
