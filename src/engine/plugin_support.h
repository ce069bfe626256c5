// What the sources of a plugin share: errors into the table's struct, and the host's log.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstring>
#include <string_view>

#include "base/error.h"
#include "base/result.h"
#include "engine/plugin.h"

namespace slipway::engine {

// Copies `text` with a zero byte at the end, cut where it is too long (not inside a character).
template <size_t kSize>
void CopyText(char (&out)[kSize], std::string_view text) {
  size_t size = std::min(text.size(), kSize - 1);
  if (size < text.size()) {
    while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  }
  std::memcpy(out, text.data(), size);
  out[size] = 0;
}

inline void CopyError(const Error& error, SlipwayError* out) {
  if (out == nullptr) return;
  out->code = static_cast<uint32_t>(error.code());
  CopyText(out->reason, error.reason());
  CopyText(out->message, error.message());
}

inline void CompleteWithError(SlipwayRun* run, const Error& error) {
  SlipwayError out;
  CopyError(error, &out);
  run->complete(run, &out, 1);
}

// Nanoseconds of CLOCK_MONOTONIC.
inline int64_t MonotonicNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

inline bool IsCancelled(const SlipwayRun* run) {
  return run->cancelled != nullptr && __atomic_load_n(run->cancelled, __ATOMIC_RELAXED) != 0;
}

// The last call of run->complete, with what came of it: outputs that are filled, or an error, which
// is that of the caller where he ended the run or gave it too little time.
inline void CompleteRun(SlipwayRun* run, const Result<void>& done) {
  if (done.has_value()) return run->complete(run, nullptr, 1);
  if (IsCancelled(run)) {
    return CompleteWithError(run,
                             Error(Code::kCancelled, "RUN_CANCELLED", "the run was ended early"));
  }
  if (MonotonicNs() > run->deadline_ns) {
    return CompleteWithError(
        run, Error(Code::kDeadlineExceeded, "RUN_DEADLINE", "Request timeout expired"));
  }
  CompleteWithError(run, done.error());
}

}  // namespace slipway::engine
