// OtlpExporter: sends spans to a collector, by OTLP over HTTP in protobuf.
// Source: opentelemetry.io/docs/specs/otlp, "OTLP/HTTP".
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "async/core_drain.h"
#include "base/metrics.h"
#include "base/result.h"
#include "gateway/telemetry/otlp_settings.h"
#include "net/http_client.h"

namespace slipway::gateway {

// What becomes of a batch after an attempt.
enum class OtlpVerdict : uint8_t { kTaken, kTryAgain, kDropped };
// 2xx took it; 429, 502, 503 and 504 and a connection that fails may be better later; the rest
// never will be.
OtlpVerdict VerdictOf(const Result<net::ClientResponse>& response);
// How long to wait before attempt `attempt` (the first has 0), unless the answer says: each time
// twice as long, from half of that to all of it by `random`.
std::chrono::milliseconds OtlpPause(const Result<net::ClientResponse>& response, size_t attempt,
                                    uint64_t random);

// On a thread of its own. A collector that is slow or gone costs spans, which are counted, and
// nothing else: what waits is bounded, and no core waits for it.
class OtlpExporter {
 public:
  OtlpExporter(OtlpSettings settings, size_t cores);
  // Tries what waits once more.
  ~OtlpExporter();

  // Spans as fields of ScopeSpans, from the thread of that core.
  void Give(size_t core, std::string_view spans, uint64_t count) {
    drain_.Give(core, spans, count);
  }
  const OtlpSettings& settings() const { return settings_; }

 private:
  void Send(CoreDrain::Batch& batch, const std::stop_token& stop);
  net::ClientRequest MakeRequest(const CoreDrain::Batch& batch) const;
  void Lose(uint64_t spans, const Result<net::ClientResponse>& response);

  const OtlpSettings settings_;
  net::HttpClient client_;  // of the drain's thread
  std::atomic<uint64_t> sent_{0};
  std::atomic<uint64_t> lost_{0};
  bool gave_up_ = false;  // used by the thread of the drain, as the next
  std::optional<std::chrono::steady_clock::time_point> told_;  // when the log was last told of that
  CoreDrain drain_;
  std::unique_ptr<MetricCollection> metrics_;
};

}  // namespace slipway::gateway
