// Content-Range of an upload in chunks, and the bytes of one that are there. Pure.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace slipway::klever {

// Bytes [begin, end).
struct Span {
  uint64_t begin = 0;
  uint64_t end = 0;
  uint64_t size_bytes() const { return end - begin; }
  bool operator==(const Span&) const = default;
};

struct ContentRange {
  Span span;  // not empty, within the total
  uint64_t total_bytes = 0;
};

// `bytes FIRST-LAST/TOTAL` (RFC 9110 14.4), both ends counted from 0. INVALID_ARGUMENT /
// CONTENT_RANGE_INVALID says what is wrong, also that the total is unknown (`*`);
// RESOURCE_EXHAUSTED / UPLOAD_TOO_LARGE above kMaxUploadBytes.
Result<ContentRange> ParseContentRange(std::string_view header);

// A set of bytes: sorted spans that neither touch nor overlap.
class SpanSet {
 public:
  void Add(Span span);
  bool Overlaps(Span span) const;
  // The parts of `span` that are in the set, in order.
  std::vector<Span> Within(Span span) const;
  // Those of [0, total) that are not.
  std::vector<Span> Missing(uint64_t total_bytes) const;
  uint64_t size_bytes() const;
  const std::vector<Span>& spans() const& { return spans_; }
  std::vector<Span> spans() && { return std::move(spans_); }

 private:
  std::vector<Span> spans_;
};

}  // namespace slipway::klever
