// Limits of resources; passing one is an error that names it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace slipway::resource {

// One resource as JSON, and the body of a request that sends one.
inline constexpr size_t kMaxResourceBytes = 256 << 10;

inline constexpr size_t kDefaultPage = 500;
inline constexpr size_t kMaxPage = 5000;
// Objects that one page of a filtered list looks at; the continue token goes on from there.
inline constexpr size_t kMaxScannedPerPage = 1000;
// Bytes of rows, likewise, each as often as the filter may look at it: a few tenths of a second.
inline constexpr uint64_t kMaxWorkPerPage = 128 << 20;
// As what reading one counts.
inline constexpr uint64_t kReadingWork = 4;
inline constexpr size_t kMaxSelectorTerms = 32;
inline constexpr size_t kMaxSelectorBytes = 4096;
// An expression of `where`: its text, comparisons, values of all of them, nested parentheses.
inline constexpr size_t kMaxWhereBytes = 1024;
inline constexpr size_t kMaxWhereTerms = 64;
inline constexpr size_t kMaxWhereValues = 256;
inline constexpr size_t kMaxWhereDepth = 32;

// Objects that go in one transaction with the object that owned them.
inline constexpr size_t kMaxCascade = 10'000;

// Resources whose index rows are made in one transaction, and one word of such a row.
inline constexpr size_t kIndexedTogether = 200;
inline constexpr size_t kMaxTermBytes = 1024;

inline constexpr size_t kMaxEventsPerObject = 32;
inline constexpr size_t kMaxEventsPerProject = 1000;

// A watch gets a bookmark when this many versions went by without an event for it.
inline constexpr uint64_t kVersionsPerBookmark = 1000;
inline constexpr size_t kMaxWatchBatch = 500;

// Volatile fields of a status that nobody set again for so long are left out.
inline constexpr std::chrono::minutes kVolatileStatusAge{10};

// Projects whose rules for their repositories are remembered.
inline constexpr size_t kMaxCachedPolicies = 4096;

// Connected watches of one server.
inline constexpr size_t kMaxWatches = 1000;

}  // namespace slipway::resource
