// Telemetry: what an operator learns of single requests: the access log and traces.
//
// Not there where nobody wants either, and then no request pays for it. Otherwise each request has
// a RequestRecord, in which who works on it notes what it does.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "async/core_pool.h"
#include "async/task.h"
#include "base/result.h"
#include "gateway/settings.h"
#include "gateway/telemetry/access_log.h"
#include "gateway/telemetry/otlp_exporter.h"
#include "gateway/telemetry/request_record.h"
#include "gateway/telemetry/spans.h"
#include "net/grpc_service.h"
#include "net/router.h"

namespace slipway::gateway {

struct TelemetryOptions {
  AccessLogOptions access_log;
  std::optional<OtlpSettings> traces;

  bool empty() const { return access_log.file.empty() && !traces; }
};

// Nanoseconds since 1970, for spans.
int64_t UnixNanoseconds();

// Outlives all that requests run in.
class Telemetry final : public net::GrpcObserver {
 public:
  // Errors as AccessLog::Open.
  static Result<std::unique_ptr<Telemetry>> Open(TelemetryOptions options, CorePool& cores);
  ~Telemetry() override;

  // What router.Handle answers. The request is over when its body is written.
  Task<net::HttpResponse> Handle(const net::Router& router, net::HttpRequest& request);
  void OnBegin(net::GrpcCall& call) override;
  void OnEnd(net::GrpcCall& call, int status) override;

  // Whether the request's trace is kept, once its service is known. On its core, as the next.
  bool Decide(RequestRecord& record);
  SpanId NewSpan(size_t core);
  void Give(size_t core, const ShadowSpan& shadow);

  // The file of the access log was moved. Any thread.
  void ReopenLog();
  TraceSettings& trace_settings() { return trace_settings_; }

 private:
  struct OpenRecord;
  struct alignas(64) Core {
    std::array<uint64_t, 2> random{};
    uint64_t settings_version = UINT64_MAX;
    std::unordered_map<std::string, TracePolicy> policies;  // by service, of that version
  };

  Telemetry(TelemetryOptions options, CorePool& cores);
  uint64_t NextRandom(size_t core);
  void Begin(std::optional<std::string_view> traceparent, std::string_view tracestate,
             RequestRecord& record);
  void BeginHttp(const net::HttpRequest& request, RequestRecord& record);
  void End(RequestRecord& record);
  const TracePolicy& PolicyOf(size_t core, const std::string& service);

  CorePool& cores_;
  std::vector<Core> states_;  // by core
  TraceSettings trace_settings_;
  // The log's last lines are written first: a collector may not answer.
  std::unique_ptr<OtlpExporter> traces_;
  std::unique_ptr<AccessLog> access_log_;
};

// The record of a request; nullptr where there is none.
inline RequestRecord* RecordOf(const net::HttpRequest& request) {
  return static_cast<RequestRecord*>(const_cast<void*>(request.guard_data));
}
inline RequestRecord* RecordOf(const net::GrpcCall& call) {
  return static_cast<RequestRecord*>(call.notes.get());
}

}  // namespace slipway::gateway
