// The header `traceparent`: what is taken is the same when it is written and read again.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "gateway/telemetry/trace_context.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // A copy of its own: a byte behind the header is not the header's.
  const std::string header(reinterpret_cast<const char*>(data), size);
  const auto context = slipway::gateway::ParseTraceparent(header);
  if (!context) return 0;
  const std::string written = slipway::gateway::FormatTraceparent(*context);
  const auto again = slipway::gateway::ParseTraceparent(written);
  CHECK(again.has_value());
  CHECK(again->trace_id == context->trace_id && again->span_id == context->span_id);
  CHECK(again->sampled == context->sampled);
  CHECK(header.substr(3, 49) == written.substr(3, 49));  // both ids, as they came
  return 0;
}
