#include "gateway/telemetry/otlp_exporter.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/build_info.h"
#include "base/log.h"
#include "base/random.h"
#include "gateway/limits.h"
#include "gateway/telemetry/spans.h"
#include "net/content_coding.h"

namespace slipway::gateway {
namespace {

constexpr size_t kAttempts = 5;
constexpr std::chrono::milliseconds kFirstPause{1'000};
constexpr std::chrono::milliseconds kLongestPause{30'000};
constexpr std::chrono::milliseconds kBatchPause{1'000};
// How often the log says that spans are lost.
constexpr std::chrono::seconds kFaultPause{30};
constexpr uint64_t kMaxResponseBytes = 64 << 10;

net::HttpClient::Options ClientOptions(const OtlpSettings& settings) {
  return {.ca_file = settings.ca_file, .verify_tls = true, .unix_socket = {}};
}

}  // namespace

OtlpVerdict VerdictOf(const Result<net::ClientResponse>& response) {
  if (response.has_error()) {
    const Code code = response.error().code();
    const bool may_pass = code == Code::kUnavailable || code == Code::kDeadlineExceeded;
    return may_pass ? OtlpVerdict::kTryAgain : OtlpVerdict::kDropped;
  }
  switch (response->status) {
    case 429:
    case 502:
    case 503:
    case 504:
      return OtlpVerdict::kTryAgain;
    default:
      return response->status / 100 == 2 ? OtlpVerdict::kTaken : OtlpVerdict::kDropped;
  }
}

std::chrono::milliseconds OtlpPause(const Result<net::ClientResponse>& response, size_t attempt,
                                    uint64_t random) {
  if (response.has_value()) {
    const std::string told = response->Header("Retry-After").value_or("");
    int64_t seconds = -1;
    const char* end = told.data() + told.size();
    const auto [stopped, fault] = std::from_chars(told.data(), end, seconds);
    if (fault == std::errc() && stopped == end && seconds >= 0) {
      return std::min<std::chrono::milliseconds>(
          std::chrono::seconds(std::min<int64_t>(seconds, 3600)), kLongestPause);
    }
  }
  const auto pause =
      std::min(kFirstPause * (int64_t{1} << std::min<size_t>(attempt, 10)), kLongestPause);
  const auto half = static_cast<uint64_t>(pause.count()) / 2;
  return std::chrono::milliseconds(half + random % (half + 1));
}

OtlpExporter::OtlpExporter(OtlpSettings settings, size_t cores)
    : settings_(std::move(settings)),
      client_(ClientOptions(settings_)),
      drain_({.name = "otlp-exporter",
              .cores = cores,
              .max_bytes = std::max(kMaxWaitingSpanBytes / cores, size_t{64} << 10),
              .pause = kBatchPause,
              .take = [this](CoreDrain::Batch& batch,
                             const std::stop_token& stop) { Send(batch, stop); }}),
      metrics_(CollectMetrics([this](MetricSink& sink) {
        sink.Counter("slipway_trace_spans_total", "Spans that the collector took.", {}, sent_);
        sink.Counter("slipway_trace_spans_dropped_total",
                     "Spans for which there was no room, or no collector.", {},
                     lost_ + drain_.dropped());
      })) {
  LogInfo("traces are sent", {{"url", settings_.url}, {"ratio", settings_.ratio}});
}

OtlpExporter::~OtlpExporter() = default;

net::ClientRequest OtlpExporter::MakeRequest(const CoreDrain::Batch& batch) const {
  net::ClientRequest request;
  request.method = "POST";
  request.url = settings_.url;
  request.headers = settings_.headers;
  request.headers.emplace_back("Content-Type", "application/x-protobuf");
  request.headers.emplace_back("User-Agent", "slipway/" + std::string(Version()));
  request.body = WriteExport(settings_.resource, Version(), batch.bytes);
  request.timeout = settings_.timeout;
  request.max_response_bytes = kMaxResponseBytes;
  if (settings_.gzip) {
    std::string packed;
    net::Deflater(net::ContentCoding::kGzip).Write(request.body, true, packed);
    request.body = std::move(packed);
    request.headers.emplace_back("Content-Encoding", "gzip");
  }
  return request;
}

void OtlpExporter::Send(CoreDrain::Batch& batch, const std::stop_token& stop) {
  if (gave_up_) {
    lost_ += batch.items;
    return;
  }
  const net::ClientRequest request = MakeRequest(batch);
  for (size_t attempt = 0;; ++attempt) {
    const Result<net::ClientResponse> response = client_.Send(request);
    const OtlpVerdict verdict = VerdictOf(response);
    if (verdict == OtlpVerdict::kTaken) {
      const uint64_t rejected = std::min(RejectedSpans(response->body), batch.items);
      sent_ += batch.items - rejected;
      if (rejected > 0) Lose(rejected, response);
      return;
    }
    const bool is_last = verdict == OtlpVerdict::kDropped || attempt + 1 == kAttempts;
    if (!is_last && !stop.stop_requested()) {
      CoreDrain::Pause(stop, OtlpPause(response, attempt, SystemRandom().Next()));
    }
    // At the end of the program a collector that does not answer is asked once.
    gave_up_ = stop.stop_requested() && verdict == OtlpVerdict::kTryAgain;
    if (is_last || stop.stop_requested()) return Lose(batch.items, response);
  }
}

void OtlpExporter::Lose(uint64_t spans, const Result<net::ClientResponse>& response) {
  lost_ += spans;
  const auto now = std::chrono::steady_clock::now();
  if (told_ && now - *told_ < kFaultPause) return;
  told_ = now;
  const std::string why = response.has_error() ? response.error().ToString()
                                               : "status " + std::to_string(response->status);
  LogWarning("spans are lost", {{"url", settings_.url}, {"why", why}});
}

}  // namespace slipway::gateway
