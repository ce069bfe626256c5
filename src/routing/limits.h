// Limits of the traffic rules of one service.
#pragma once

#include <cstddef>
#include <cstdint>

namespace slipway::routing {

inline constexpr size_t kMaxRules = 64;
inline constexpr size_t kMaxConditions = 16;  // of one rule
inline constexpr size_t kMaxShares = 16;      // of one split
// Revisions that a service's traffic names: all of them are loaded.
inline constexpr size_t kMaxNamedRevisions = 32;
inline constexpr size_t kMaxChoices = 256;        // of one `in`
inline constexpr size_t kMaxPatternBytes = 1024;  // of a text that values are compared with
inline constexpr size_t kMaxNameBytes = 128;      // of a header, query parameter or cookie
inline constexpr size_t kMaxBodyFieldBytes = 256;
// Different fields of the body: each is looked up once a request.
inline constexpr size_t kMaxBodyFields = 16;
inline constexpr size_t kMaxRegexes = 32;
// Of one regular expression, compiled and while it runs.
inline constexpr int64_t kRegexMemoryBytes = 256 << 10;
// What a comparison takes at worst is their product, in steps of a few nanoseconds: the size of the
// compiled expression, and the length of a value, above which it matches nothing.
inline constexpr int kMaxRegexSteps = 300;
inline constexpr size_t kMaxRegexValueBytes = 2 << 10;
// A value of the body that is longer counts as not there.
inline constexpr size_t kMaxValueBytes = 64 << 10;

// Weights are parts of so many.
inline constexpr int32_t kWholeWeight = 10'000;

}  // namespace slipway::routing
