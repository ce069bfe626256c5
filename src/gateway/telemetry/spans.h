// Spans: a request as OpenTelemetry tells it. Source: opentelemetry-proto, trace/v1/trace.proto.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/telemetry/request_record.h"

namespace slipway::gateway {

// Appends the spans of a request, each as a field of ScopeSpans: the request's own, where its model
// ran `queue` and `compute` within it, with these ids, and within `compute` a `step` for each model
// that an ensemble ran. How many they are.
uint64_t WriteSpans(const RequestRecord& record, const SpanId& queue, const SpanId& compute,
                    std::string& out);

// The run of a shadow, within the span of the request that it copies.
struct ShadowSpan {
  TraceContext parent;
  SpanId id{};
  int64_t begin_unix_ns = 0;
  int64_t end_unix_ns = 0;
  std::string service;
  std::string revision;
  std::string error;  // empty: it answered
};
void WriteShadowSpan(const ShadowSpan& shadow, std::string& out);

using SpanAttributes = std::vector<std::pair<std::string, std::string>>;
// What spans of one batch are sent in: ExportTraceServiceRequest around fields of ScopeSpans.
std::string WriteExport(const SpanAttributes& resource, std::string_view version,
                        std::string_view spans);
// Of ExportTraceServiceResponse: how many spans the collector did not take, as far as it says.
uint64_t RejectedSpans(std::string_view response);

}  // namespace slipway::gateway
