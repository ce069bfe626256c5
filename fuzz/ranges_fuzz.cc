// Range, Content-Range of the registry and of Klever's uploads, digest fields: what is accepted
// lies within its bounds, and says the same when it is written again.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "klever/limits.h"
#include "klever/upload/checksum.h"
#include "klever/upload/content_range.h"
#include "net/byte_range.h"

namespace {

using slipway::klever::ParseContentRange;
using slipway::net::RangeVerdict;

void CheckRange(std::string_view text, uint64_t size_bytes) {
  const auto answer = slipway::net::ParseRange(text, size_bytes);
  if (answer.verdict != RangeVerdict::kPartial) return;
  CHECK(answer.range.first <= answer.range.last && answer.range.last < size_bytes);
}

void CheckUploadRange(std::string_view text) {
  const auto range = slipway::net::ParseUploadRange(text);
  if (!range) return;
  CHECK(range->first <= range->last && range->size_bytes() > 0);
  const auto again = slipway::net::ParseUploadRange(std::to_string(range->first) + "-" +
                                                    std::to_string(range->last));
  CHECK(again && again->first == range->first && again->last == range->last);
}

void CheckContentRange(std::string_view text) {
  const auto range = ParseContentRange(text);
  if (!range.has_value()) return;
  CHECK(range->span.begin < range->span.end && range->span.end <= range->total_bytes);
  CHECK(range->total_bytes <= slipway::klever::kMaxUploadBytes);
  const auto again = ParseContentRange("bytes " + std::to_string(range->span.begin) + "-" +
                                       std::to_string(range->span.end - 1) + "/" +
                                       std::to_string(range->total_bytes));
  CHECK(again.has_value() && again->span == range->span);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  for (const uint64_t size_bytes : {uint64_t{0}, uint64_t{data[0]}, UINT64_MAX}) {
    CheckRange(text, size_bytes);
  }
  CheckUploadRange(text);
  CheckContentRange(text);
  const auto digest = slipway::klever::ParseDigestField(text);
  if (digest.has_value() && *digest) CHECK((*digest)->hex().size() == 64);
  return 0;
}
