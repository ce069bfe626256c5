// The limits of this module: what a reference, a manifest and a registry's answer may be.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace slipway::oci {

// A repository name with its slashes (distribution-spec advises 255 for host and name together).
inline constexpr size_t kMaxRepositoryBytes = 255;
inline constexpr size_t kMaxTagBytes = 128;
inline constexpr size_t kMaxHostBytes = 255;
inline constexpr size_t kMaxMediaTypeBytes = 255;

// What ParseManifest takes at most; a registry may allow less.
inline constexpr size_t kMaxManifestBytes = 8 << 20;
inline constexpr size_t kMaxManifestDepth = 32;
// Layers of a manifest, or children of an index.
inline constexpr size_t kMaxDescriptors = 10'000;
inline constexpr size_t kMaxAnnotations = 4'096;
inline constexpr size_t kMaxUrls = 64;
// What an index may lead to (oci/artifact.h).
inline constexpr size_t kMaxArtifactManifests = 1'000;
inline constexpr size_t kMaxArtifactDepth = 8;
inline constexpr uint64_t kMaxArtifactManifestBytes = 64 << 20;
// The embedded content of a descriptor (`data`), in base64.
inline constexpr size_t kMaxEmbeddedBytes = kMaxManifestBytes;

// Pages of a list that the client follows, and the size of each answer.
inline constexpr size_t kMaxTagPages = 10'000;
inline constexpr uint64_t kMaxAnswerBytes = 8 << 20;
// All pages of one list.
inline constexpr uint64_t kMaxListBytes = 64 << 20;
// What refers to one manifest.
inline constexpr size_t kMaxReferrers = 100'000;
// A file of credentials, what goes to and comes from a credential helper, and how long one may
// take: it may ask its user for a passphrase.
inline constexpr uint64_t kMaxCredentialFileBytes = 4 << 20;
inline constexpr size_t kMaxHelperBytes = 32 << 10;
inline constexpr std::chrono::seconds kHelperTimeout{60};
// How long an access token counts as valid whose token service does not say (distribution's token
// specification), and how much earlier than it says a token is replaced.
inline constexpr std::chrono::seconds kUnsaidTokenLifetime{60};
inline constexpr std::chrono::seconds kTokenMargin{10};

// Attempts of the client to go on with an interrupted download or upload of one blob.
inline constexpr int kMaxTransferAttempts = 5;
// A note of an upload that is under way, and how long it is of use: registries drop uploads that
// nobody goes on with after some days.
inline constexpr size_t kMaxUploadNoteBytes = 32 << 10;
inline constexpr std::chrono::milliseconds kUploadNoteLifetime = std::chrono::hours(7 * 24);

}  // namespace slipway::oci
