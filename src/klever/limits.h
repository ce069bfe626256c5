// The limits of this module.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace slipway::klever {

// Of an upload: the zip, the JSON beside it, and how many chunks that do not touch may be there.
inline constexpr uint64_t kMaxUploadBytes = uint64_t{1} << 40;
inline constexpr uint64_t kMaxModelJsonBytes = 1 << 20;
inline constexpr size_t kMaxRanges = 4'096;
// Uploads in chunks that are under way in all projects, and those of one subject: no token keeps
// others from theirs.
inline constexpr size_t kMaxUploads = 1'024;
inline constexpr size_t kMaxUploadsOfSubject = 64;
// Of those, how many an error names.
inline constexpr size_t kMaxNamedUploads = 8;
// One piece on its way from the socket to the disk.
inline constexpr size_t kPieceBytes = 1 << 20;
// Zips that are unpacked and packed at the same time; others wait.
inline constexpr size_t kPackedTogether = 2;
// An upload without a byte for so long is removed; looked for every so often.
inline constexpr std::chrono::hours kUploadExpiry{24};
inline constexpr std::chrono::minutes kSweepInterval{30};
// The record of one upload on the disk.
inline constexpr uint64_t kMaxRecordBytes = 4 << 20;

// What is read at once before others get their turn on the pool, and what a file of a package costs
// of that, however small it is.
inline constexpr uint64_t kReadTogether = 16 << 20;
inline constexpr uint64_t kFileCostBytes = 1 << 10;
// What is remembered of the layers of models that were downloaded lately.
inline constexpr size_t kMaxLayerSumsBytes = 16 << 20;

// Of the bodies of other requests.
inline constexpr uint64_t kMaxBodyBytes = 1 << 20;
// Models that are compared at once.
inline constexpr size_t kMaxCompared = 100;

// Pages of Harbor's lists, as Harbor has them.
inline constexpr size_t kDefaultPageSize = 10;
inline constexpr size_t kMaxPageSize = 100;
// Rows that a list counts; of more it says so.
inline constexpr size_t kMaxListed = 100'000;
// Lists that are read from the database at once: whoever asks for many long ones waits, and not
// those who pull and push beside him.
inline constexpr size_t kListedTogether = 1;
// Tags of an artifact in a list of artifacts; its own list has all.
inline constexpr size_t kMaxTagsOfArtifact = 100;
// Artifacts are sorted by the tags of a repository that has no more than these, else by so many of
// the last moves of tags.
inline constexpr size_t kMaxSortedTags = 2'000;

}  // namespace slipway::klever
