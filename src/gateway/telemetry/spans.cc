#include "gateway/telemetry/spans.h"

#include <algorithm>

#include "gateway/grpc/wire.h"
#include "gateway/v2/error_response.h"

namespace slipway::gateway {
namespace {

using grpc::WireField;
using grpc::WireReader;
using grpc::WireType;
using grpc::WireWriter;

enum SpanField : uint32_t {
  kTraceId = 1,
  kSpanId = 2,
  kTraceState = 3,
  kParent = 4,
  kName = 5,
  kKind = 6,
  kBegin = 7,
  kEnd = 8,
  kAttributes = 9,
  kStatus = 15,
  kFlags = 16,
};
constexpr uint64_t kInternal = 1;
constexpr uint64_t kServer = 2;
constexpr uint64_t kStatusError = 2;
constexpr uint32_t kScopeSpansSpans = 2;

std::string_view BytesOf(std::span<const uint8_t> id) {
  return {reinterpret_cast<const char*>(id.data()), id.size()};
}

// One span, field by field.
class Span {
 public:
  Span(const TraceContext& trace, std::string_view name, uint64_t kind) : out_(text_) {
    out_.Bytes(kTraceId, BytesOf(trace.trace_id));
    out_.Bytes(kSpanId, BytesOf(trace.span_id));
    out_.Bytes(kName, v2::Utf8Of(name));
    out_.Varint(kKind, kind);
    out_.Fixed32(kFlags, 1);  // sampled
  }

  void Parent(const SpanId& id) { out_.Bytes(kParent, BytesOf(id)); }
  void State(std::string_view state) { out_.Bytes(kTraceState, v2::Utf8Of(state)); }
  void Time(int64_t begin_unix_ns, int64_t end_unix_ns) {
    out_.Fixed64(kBegin, static_cast<uint64_t>(begin_unix_ns));
    out_.Fixed64(kEnd, static_cast<uint64_t>(std::max(begin_unix_ns, end_unix_ns)));
  }
  void Attribute(std::string_view key, std::string_view text) {
    if (text.empty()) return;
    std::string value;
    WireWriter(value).Element(1, v2::Utf8Of(text));
    Entry(key, value);
  }
  void Attribute(std::string_view key, int64_t number) {
    std::string value;
    WireWriter(value).Number(3, static_cast<uint64_t>(number));
    Entry(key, value);
  }
  void Error(std::string_view message) {
    std::string status;
    WireWriter writer(status);
    writer.Bytes(2, v2::Utf8Of(message));
    writer.Varint(3, kStatusError);
    out_.Element(kStatus, status);
  }

  void AppendTo(std::string& out) const { WireWriter(out).Element(kScopeSpansSpans, text_); }

 private:
  void Entry(std::string_view key, std::string_view value) {
    std::string entry;
    WireWriter writer(entry);
    writer.Bytes(1, key);
    writer.Element(2, value);
    out_.Element(kAttributes, entry);
  }

  std::string text_;
  WireWriter out_;
};

// When it was in wall-clock time.
int64_t UnixOf(const RequestRecord& record, RequestRecord::Clock::time_point time) {
  return record.arrived_unix_ns + std::chrono::nanoseconds(time - record.arrived).count();
}

void AddRpc(const RequestRecord& record, Span& span) {
  const std::string_view path = std::string_view(record.path).substr(record.path.find('/') + 1);
  const size_t slash = path.find('/');
  span.Attribute("rpc.system", "grpc");
  span.Attribute("rpc.service", path.substr(0, slash));
  if (slash != std::string_view::npos) span.Attribute("rpc.method", path.substr(slash + 1));
  span.Attribute("rpc.grpc.status_code", int64_t{record.grpc_status});
}

void AddHttp(const RequestRecord& record, Span& span) {
  span.Attribute("http.request.method", record.method);
  span.Attribute("url.path", record.path);
  if (record.status != 0) span.Attribute("http.response.status_code", int64_t{record.status});
}

// Of servers, only their own faults are errors; a client that left is none.
bool IsServersFault(const RequestRecord& record) {
  if (!record.is_grpc) return record.status >= 500;
  // UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS.
  constexpr std::array kFaults = {2, 4, 12, 13, 14, 15};
  return std::ranges::find(kFaults, record.grpc_status) != kFaults.end();
}

void WriteRequest(const RequestRecord& record, std::string& out) {
  const bool has_model = !record.service.empty();
  const std::string name = record.is_grpc
                               ? std::string(record.path.substr(record.path.empty() ? 0 : 1))
                               : record.method + (has_model ? " " + record.service : "");
  Span span(record.trace, name, kServer);
  if (record.parent) span.Parent(*record.parent);
  span.State(record.trace_state);
  span.Time(record.arrived_unix_ns, UnixOf(record, record.finished));
  record.is_grpc ? AddRpc(record, span) : AddHttp(record, span);
  span.Attribute("client.address", record.peer);
  span.Attribute("slipway.request_id", record.request_id);
  span.Attribute("slipway.service", record.service);
  span.Attribute("slipway.revision", record.revision);
  span.Attribute("slipway.key", record.key);
  if (record.inferences > 1) {
    span.Attribute("slipway.inferences", static_cast<int64_t>(record.inferences));
  }
  if (IsServersFault(record)) {
    span.Attribute("error.type",
                   record.reason.empty()
                       ? std::to_string(record.is_grpc ? record.grpc_status : record.status)
                       : record.reason);
    span.Error(record.reason);
  }
  span.AppendTo(out);
}

void WritePhase(const RequestRecord& record, const SpanId& id, std::string_view name,
                RequestRecord::Clock::time_point begin, RequestRecord::Clock::time_point end,
                std::string& out) {
  TraceContext own = record.trace;
  own.span_id = id;
  Span span(own, name, kInternal);
  span.Parent(record.trace.span_id);
  span.Time(UnixOf(record, begin), UnixOf(record, end));
  span.Attribute("slipway.service", record.service);
  span.Attribute("slipway.revision", record.revision);
  if (record.rows > 0) span.Attribute("slipway.batch.rows", static_cast<int64_t>(record.rows));
  span.AppendTo(out);
}

// From when all its inputs were there: its wait for the model is part of it.
void WriteStep(const RequestRecord& record, const RequestRecord::Step& step, const SpanId& compute,
               std::string& out) {
  TraceContext own = record.trace;
  own.span_id = step.id;
  Span span(own, "step " + step.service, kInternal);
  span.Parent(compute);
  span.Time(UnixOf(record, step.parsed), UnixOf(record, std::max(step.parsed, step.ended)));
  span.Attribute("slipway.service", step.service);
  span.Attribute("slipway.revision", step.revision);
  if (step.started >= step.parsed) {
    span.Attribute(
        "slipway.queue_us",
        std::chrono::duration_cast<std::chrono::microseconds>(step.started - step.parsed).count());
  }
  if (step.rows > 0) span.Attribute("slipway.batch.rows", static_cast<int64_t>(step.rows));
  if (!step.reason.empty()) span.Error(step.reason);
  span.AppendTo(out);
}

}  // namespace

uint64_t WriteSpans(const RequestRecord& record, const SpanId& queue, const SpanId& compute,
                    std::string& out) {
  WriteRequest(record, out);
  const bool has_run = record.started >= record.parsed && record.ended >= record.started &&
                       record.parsed >= record.arrived;
  if (record.inferences == 0 || !has_run) return 1;
  WritePhase(record, queue, "queue", record.parsed, record.started, out);
  WritePhase(record, compute, "compute", record.started, record.ended, out);
  for (const RequestRecord::Step& step : record.steps) WriteStep(record, step, compute, out);
  return 3 + record.steps.size();
}

void WriteShadowSpan(const ShadowSpan& shadow, std::string& out) {
  TraceContext own = shadow.parent;
  own.span_id = shadow.id;
  Span span(own, "shadow", kInternal);
  span.Parent(shadow.parent.span_id);
  span.Time(shadow.begin_unix_ns, shadow.end_unix_ns);
  span.Attribute("slipway.service", shadow.service);
  span.Attribute("slipway.revision", shadow.revision);
  if (!shadow.error.empty()) span.Error(shadow.error);
  span.AppendTo(out);
}

std::string WriteExport(const SpanAttributes& resource, std::string_view version,
                        std::string_view spans) {
  std::string attributes;
  for (const auto& [key, text] : resource) {
    std::string value;
    WireWriter(value).Element(1, v2::Utf8Of(text));
    std::string entry;
    WireWriter writer(entry);
    writer.Bytes(1, v2::Utf8Of(key));
    writer.Element(2, value);
    WireWriter(attributes).Element(1, entry);
  }
  std::string scope;
  WireWriter scope_writer(scope);
  scope_writer.Bytes(1, "slipway");
  scope_writer.Bytes(2, version);
  std::string scope_spans;
  WireWriter(scope_spans).Element(1, scope);
  scope_spans += spans;
  std::string resource_spans;
  WireWriter resource_writer(resource_spans);
  resource_writer.Element(1, attributes);
  resource_writer.Element(2, scope_spans);
  std::string request;
  WireWriter(request).Element(1, resource_spans);
  return request;
}

uint64_t RejectedSpans(std::string_view response) {
  WireReader reader(response);
  for (WireField field; reader.Next(field);) {
    if (!field.IsBytes(1)) continue;
    WireReader partial(field.bytes);
    for (WireField inner; partial.Next(inner);) {
      if (inner.Is(1, WireType::kVarint)) return inner.value;
    }
  }
  return 0;
}

}  // namespace slipway::gateway
