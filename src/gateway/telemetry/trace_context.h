// TraceContext: which trace a request belongs to. Source: W3C Trace Context, level 1.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace slipway::gateway {

using TraceId = std::array<uint8_t, 16>;
using SpanId = std::array<uint8_t, 8>;

struct TraceContext {
  TraceId trace_id{};
  SpanId span_id{};
  bool sampled = false;
};

// The header `traceparent`; nothing for one that a receiver has to ignore.
std::optional<TraceContext> ParseTraceparent(std::string_view header);
// In version 00: of `traceparent`, and of `traceresponse`, which has the same form.
std::string FormatTraceparent(const TraceContext& context);

// Lower-case hex digits.
std::string HexOf(std::span<const uint8_t> bytes);

// `tracestate` is handed on as it came, up to so many bytes; a longer one is dropped whole.
inline constexpr size_t kMaxTraceStateBytes = 512;

}  // namespace slipway::gateway
