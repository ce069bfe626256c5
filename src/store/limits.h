// Limits of the stores; passing one is an error that names it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace slipway::store {

inline constexpr size_t kMaxKeyBytes = 2048;
inline constexpr size_t kMaxValueBytes = size_t{16} * 1024 * 1024;

// Mutations and reads that wait; above it a caller is told to come back later.
inline constexpr size_t kMaxQueuedMutations = 10'000;
inline constexpr size_t kMaxQueuedReads = 10'000;
// Mutations that share one commit.
inline constexpr size_t kMaxCommitBatch = 1'000;
// Old changes that one commit removes from the log; more wait for the next.
inline constexpr int64_t kMaxTrimmedChanges = 1'000;

// Pages of the write-ahead log after which the writer starts to move it into the database, and
// after which it waits for readers to let it begin anew.
inline constexpr int kCheckpointPages = 8'000;
inline constexpr int kTruncatePages = 32'000;

// The file `format` of a data folder.
inline constexpr size_t kMaxFormatFileBytes = 4096;

}  // namespace slipway::store
