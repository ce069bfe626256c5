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
// One piece of an upload on its way from the socket to the object store: it has room for little at
// first, and grows while its bytes come fast, as long as all together take no more than this.
inline constexpr size_t kFirstPieceBytes = 4 << 10;
inline constexpr size_t kFreePieceBytes = 16 << 10;
inline constexpr size_t kUploadPieceBytes = 1 << 20;
inline constexpr uint64_t kMaxPiecesBytes = 24 << 20;
inline constexpr std::chrono::milliseconds kFastPiece{100};
// Bodies of manifests that are read at the same time, without the first bytes of each.
inline constexpr size_t kFreeManifestBytes = 64 << 10;
// How long a larger one may take: so long, and a second for each so many bytes.
inline constexpr std::chrono::seconds kManifestGrace{30};
inline constexpr size_t kManifestBytesPerSecond = 16 << 10;
inline constexpr uint64_t kMaxManifestsBytes = 32 << 20;
// An upload is synced each time that so much of it has come, so that a restart costs no more.
inline constexpr uint64_t kUploadSyncBytes = 64 << 20;
// Small contents of open upload sessions that are kept in memory, by count.
inline constexpr size_t kMaxSmallUploads = 256;
// Unfinished uploads without a byte for so long are removed; looked for every so often.
inline constexpr std::chrono::hours kUploadExpiry{24};
inline constexpr std::chrono::minutes kSweepInterval{30};

// The form of a POST to the token service.
inline constexpr uint64_t kMaxTokenFormBytes = 64 << 10;

// What reads keep of the database at most.
inline constexpr size_t kMaxRecentManifestBytes = 4 << 20;
inline constexpr size_t kMaxRecentBlobBytes = 4 << 20;
inline constexpr size_t kMaxRecentTagBytes = 1 << 20;

// How long a file that was seen counts as there for those who ask with HEAD.
inline constexpr std::chrono::seconds kFileSeenFor{1};

// Rows of a repository that one transaction deletes, about; a version's resource counts as so many.
// What is left is looked for every so often.
inline constexpr size_t kRemovedAtOnce = 1'000;
inline constexpr size_t kRowsOfVersion = 10;
// Tags that go with their manifest in one transaction; others follow in the next.
inline constexpr size_t kTagsRemovedAtOnce = 500;
inline constexpr std::chrono::seconds kRemovalInterval{1};

// Places in the table of times at which blobs were held.
inline constexpr size_t kHoldPlaces = size_t{1} << 20;
// Rows or files that a collection looks at together, and those that go in one transaction.
inline constexpr size_t kCollectedPage = 200;
inline constexpr size_t kRemovedTogether = 50;
// How long a blob is held, how often is collected, and how many rows and files a second are looked
// at, unless RegistryOptions say otherwise.
inline constexpr std::chrono::hours kDefaultHold{2};
inline constexpr std::chrono::hours kDefaultCollectionInterval{24};
inline constexpr uint64_t kDefaultCollectionRate = 10'000;

// Files that a scrub lists together, what it reads at once, and what the smallest object counts.
inline constexpr size_t kScrubbedPage = 500;
inline constexpr size_t kScrubbedPiece = 1 << 20;
inline constexpr uint64_t kLeastScrubbed = 4096;
inline constexpr std::chrono::hours kDefaultScrubInterval{24 * 30};
inline constexpr uint64_t kDefaultScrubRate = 16 << 20;
// Damaged objects are counted up to here.
inline constexpr size_t kMaxCountedDamage = 100'000;

// Users of an object that are looked at together.
inline constexpr size_t kUsersPerPage = 500;
// Manifests, and names in them, whose index rows are made in one transaction.
inline constexpr size_t kIndexedTogether = 64;
inline constexpr size_t kIndexedNames = 5'000;

// How often the facts of a manifest are read, if the repository changes meanwhile.
inline constexpr int kMaxFactsAttempts = 8;
// A content that is read for what older versions tell, and when that is tried again.
inline constexpr uint64_t kMaxReprojectedBytes = 4 << 20;
inline constexpr std::chrono::minutes kReprojectionPause{1};
// Tags of one PUT of a manifest by digest (`?tag=`).
inline constexpr size_t kMaxTagsPerPut = 64;
// Pages of lists; callers may ask for less.
inline constexpr size_t kMaxTagPage = 1'000;
// One page of referrers: rows that are looked at, files that are read because their row does not
// say all, and the bytes of the list. A row says it all up to so many bytes.
inline constexpr size_t kMaxReferrerPage = 4'000;
inline constexpr size_t kMaxReferrerFiles = 200;
inline constexpr uint64_t kMaxReferrerPageBytes = (4 << 20) - 1024;  // and what is around them
inline constexpr size_t kMaxReferrerRowBytes = 8 << 10;
// Repositories that a mount without `from` looks at.
inline constexpr size_t kMaxMountCandidates = 1'000;

// Moves of tags that are kept of a repository; that one page looks at; that are read together.
inline constexpr uint64_t kMaxTagMoves = 10'000;
inline constexpr uint64_t kMaxScannedMoves = 2'000;
inline constexpr uint64_t kMovesReadAtOnce = 200;

// Tags of one version that a search looks at.
inline constexpr size_t kMaxSearchedTags = 256;

// What a ModelVersion and a Model show of long lists; the registry's own rows are complete.
inline constexpr size_t kMaxProjectedFiles = 1'000;
inline constexpr size_t kMaxProjectedFileBytes = 96 << 10;  // of their paths, digests and types
// Tags that a Model (its newest) and a ModelVersion (the first by name) show.
inline constexpr size_t kMaxShownTags = 20;

}  // namespace slipway::registry
