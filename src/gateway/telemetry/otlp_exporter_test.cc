#include "gateway/telemetry/otlp_exporter.h"

#include <atomic>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/metrics.h"
#include "net/testing/test_server.h"

namespace slipway::gateway {
namespace {

using net::HttpRequest;
using net::HttpResponse;
using std::chrono::milliseconds;

net::ClientResponse Answer(int status, const std::string& retry_after = "") {
  net::ClientResponse response{.status = status, .headers = {}, .body = {}};
  if (!retry_after.empty()) response.headers.emplace_back("Retry-After", retry_after);
  return response;
}

TEST(OtlpExporter, TriesAgainWhatTheSpecificationSays) {
  for (const int status : {200, 202, 204}) {
    EXPECT_EQ(VerdictOf(Answer(status)), OtlpVerdict::kTaken) << status;
  }
  for (const int status : {429, 502, 503, 504}) {
    EXPECT_EQ(VerdictOf(Answer(status)), OtlpVerdict::kTryAgain) << status;
  }
  for (const int status : {302, 400, 401, 404, 413, 500, 501}) {
    EXPECT_EQ(VerdictOf(Answer(status)), OtlpVerdict::kDropped) << status;
  }
  EXPECT_EQ(VerdictOf(Unavailable("CONNECT_FAILED", "x")), OtlpVerdict::kTryAgain);
  EXPECT_EQ(VerdictOf(FailedPrecondition("TLS_UNTRUSTED", "x")), OtlpVerdict::kDropped);
}

TEST(OtlpExporter, WaitsLongerEachTimeUnlessTold) {
  EXPECT_EQ(OtlpPause(Answer(503), 0, 0), milliseconds(500));
  EXPECT_EQ(OtlpPause(Answer(503), 0, 500), milliseconds(1000));
  EXPECT_EQ(OtlpPause(Answer(503), 2, 2000), milliseconds(4000));
  EXPECT_LE(OtlpPause(Answer(503), 60, UINT64_MAX), milliseconds(30'000));
  EXPECT_EQ(OtlpPause(Answer(503, "7"), 0, 0), milliseconds(7000));
  EXPECT_EQ(OtlpPause(Answer(503, "99999999999"), 0, 0), milliseconds(30'000));
  EXPECT_EQ(OtlpPause(Answer(503, "Wed, 21 Oct"), 0, 0), milliseconds(500));
}

// Answers with one status after the other, the last for ever.
struct Collector {
  explicit Collector(std::vector<int> answers)
      : statuses(std::move(answers)),
        server([this](HttpRequest& request) { return Take(&request); }) {}

  Task<HttpResponse> Take(HttpRequest* request) {
    const Result<std::string> body = co_await request->body->ReadAll(1 << 20);
    const size_t number = requests++;
    if (body.has_value()) last = *body;
    HttpResponse response = HttpResponse::Empty(statuses[std::min(number, statuses.size() - 1)]);
    response.headers.emplace_back("Retry-After", "0");
    co_return response;
  }

  std::vector<int> statuses;
  std::atomic<size_t> requests = 0;
  std::string last;
  net::TestServer server;
};

bool Counts(const std::string& line) {
  return MetricsText().find(line + "\n") != std::string::npos;
}

TEST(OtlpExporter, SendsWhatWasRefusedForAWhile) {
  Collector collector({503, 429, 200});
  OtlpExporter exporter({.url = collector.server.Url("/v1/traces")}, 2);
  exporter.Give(0, "", 1);
  exporter.Give(1, "", 2);
  while (!Counts("slipway_trace_spans_total 3")) std::this_thread::yield();
  EXPECT_GE(collector.requests, 3u);
  EXPECT_TRUE(Counts("slipway_trace_spans_dropped_total 0"));
}

TEST(OtlpExporter, CountsWhatIsRefusedForGood) {
  Collector collector({400});
  OtlpExporter exporter({.url = collector.server.Url("/v1/traces")}, 1);
  exporter.Give(0, "", 5);
  while (!Counts("slipway_trace_spans_dropped_total 5")) std::this_thread::yield();
  EXPECT_EQ(collector.requests, 1u);
}

TEST(OtlpExporter, ACollectorThatIsNotThereHoldsNoEnd) {
  OtlpExporter exporter({.url = "http://127.0.0.1:1/v1/traces"}, 1);
  exporter.Give(0, "", 1);
}

}  // namespace
}  // namespace slipway::gateway
