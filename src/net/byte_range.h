// Ranges of bytes in headers: RFC 9110 section 14 on reads, distribution-spec on uploads.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "net/http_message.h"

namespace slipway::net {

struct ByteRange {
  uint64_t first = 0;
  uint64_t last = 0;  // inclusive
  uint64_t size_bytes() const { return last - first + 1; }
};

enum class RangeVerdict : uint8_t {
  kWhole,           // no range, another unit, several ranges, or not readable: all of it, 200
  kPartial,         // 206
  kNotSatisfiable,  // 416
};

struct RangeAnswer {
  RangeVerdict verdict = RangeVerdict::kWhole;
  ByteRange range;
};

// `Range: bytes=500-1499`, `500-`, `-500` for content of this size. A reversed range is not
// satisfiable, as the conformance suite has it.
RangeAnswer ParseRange(std::string_view header, uint64_t size_bytes);

// What a request wants of content with this strong entity tag (in its quotes): only GET has ranges,
// and an If-Range that names anything else makes it the whole.
RangeAnswer RangeOf(const HttpRequest& request, std::string_view entity_tag, uint64_t size_bytes);
// Makes the answer the 206 of this range.
void SetPartial(ByteRange range, uint64_t size_bytes, HttpResponse& response);

// `Content-Range: 0-1023` as distribution-spec has it (`bytes 0-1023/*` is taken too), or nothing.
std::optional<ByteRange> ParseUploadRange(std::string_view header);

}  // namespace slipway::net
