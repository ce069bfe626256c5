#include "gateway/telemetry/telemetry.h"

#include <algorithm>
#include <array>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "async/guarded.h"
#include "base/json.h"
#include "base/utf8.h"
#include "gateway/grpc/wire.h"
#include "gateway/testing/plane_fixture.h"
#include "net/testing/test_server.h"

namespace slipway::gateway {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kInfer = "/v2/models/m/infer";
constexpr std::string_view kTraceId = "0af7651916cd43dd8448eb211c80319c";
constexpr std::string_view kParent =
    "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"
    "tracestate: vendor=1\r\n";

struct SeenSpan {
  std::string trace_id, id, parent, name, state;
  uint64_t kind = 0, begin = 0, end = 0;
  std::map<std::string, std::string> attributes;
};

std::string HexText(std::string_view bytes) {
  return HexOf({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
}

void ReadAttribute(std::string_view entry, SeenSpan& span) {
  grpc::WireReader reader(entry);
  std::string key;
  for (grpc::WireField field; reader.Next(field);) {
    if (field.IsBytes(1)) key = field.bytes;
    if (!field.IsBytes(2)) continue;
    grpc::WireReader value(field.bytes);
    for (grpc::WireField inner; value.Next(inner);) {
      span.attributes[key] =
          inner.IsBytes(1) ? std::string(inner.bytes) : std::to_string(inner.value);
    }
  }
}

SeenSpan ReadSpan(std::string_view bytes) {
  SeenSpan span;
  grpc::WireReader reader(bytes);
  for (grpc::WireField field; reader.Next(field);) {
    if (field.IsBytes(1)) span.trace_id = HexText(field.bytes);
    if (field.IsBytes(2)) span.id = HexText(field.bytes);
    if (field.IsBytes(3)) span.state = field.bytes;
    if (field.IsBytes(4)) span.parent = HexText(field.bytes);
    if (field.IsBytes(5)) span.name = field.bytes;
    if (field.number == 6) span.kind = field.value;
    if (field.number == 7) span.begin = field.value;
    if (field.number == 8) span.end = field.value;
    if (field.IsBytes(9)) ReadAttribute(field.bytes, span);
  }
  EXPECT_FALSE(reader.is_broken());
  return span;
}

// The spans of ExportTraceServiceRequest: resource_spans 1, scope_spans 2, spans 2.
void ReadSpans(std::string_view bytes, int depth, std::vector<SeenSpan>& out) {
  constexpr std::array<uint32_t, 3> kPath = {1, 2, 2};
  grpc::WireReader reader(bytes);
  for (grpc::WireField field; reader.Next(field);) {
    if (!field.IsBytes(kPath.at(static_cast<size_t>(depth)))) continue;
    if (depth == 2) {
      out.push_back(ReadSpan(field.bytes));
    } else {
      ReadSpans(field.bytes, depth + 1, out);
    }
  }
}

class TelemetryTest : public ::testing::Test {
 protected:
  TelemetryTest() : collector_([this](net::HttpRequest& request) { return Take(&request); }) {}

  Task<net::HttpResponse> Take(net::HttpRequest* request) {
    const Result<std::string> body = co_await request->body->ReadAll(1 << 20);
    seen_.With([&](std::vector<SeenSpan>& seen) { ReadSpans(*body, 0, seen); });
    co_return net::HttpResponse::Empty(200);
  }

  std::unique_ptr<PlaneFixture> Start(double ratio) {
    auto plane = std::make_unique<PlaneFixture>(
        DataPlaneOptions(), 2,
        TelemetryOptions{
            .access_log = {},
            .traces = OtlpSettings{.url = collector_.Url("/v1/traces"), .ratio = ratio}});
    plane->Serve({PlaneFixture::Service("m", {plane->Fake(1)})});
    return plane;
  }

  std::vector<SeenSpan> WaitForSpans(size_t count) {
    EXPECT_TRUE(PlaneFixture::WaitFor([&] { return Spans().size() >= count; }));
    return Spans();
  }
  std::vector<SeenSpan> Spans() {
    return seen_.With([](const std::vector<SeenSpan>& seen) { return seen; });
  }

  Guarded<std::vector<SeenSpan>> seen_;
  net::TestServer collector_;
};

TEST_F(TelemetryTest, ARequestIsASpanWithItsPhases) {
  auto plane = Start(1);
  HttpCaller caller(plane->port());
  const auto answer = caller.Post(kInfer, kFourFloats, kParent);
  ASSERT_EQ(answer->status, 200);
  const auto spans = WaitForSpans(3);
  const auto find = [&](std::string_view name) {
    return *std::ranges::find_if(spans, [&](const auto& span) { return span.name == name; });
  };
  const SeenSpan request = find("POST default/m");
  EXPECT_THAT(answer->head,
              HasSubstr("traceresponse: 00-" + std::string(kTraceId) + "-" + request.id + "-01"));
  EXPECT_EQ(request.trace_id, kTraceId);
  EXPECT_EQ(request.parent, "b7ad6b7169203331");
  EXPECT_EQ(request.state, "vendor=1");
  EXPECT_EQ(request.kind, 2u);
  EXPECT_EQ(request.attributes.at("http.response.status_code"), "200");
  EXPECT_EQ(request.attributes.at("url.path"), kInfer);
  EXPECT_EQ(request.attributes.at("slipway.service"), "default/m");
  EXPECT_EQ(request.attributes.at("slipway.revision"), "1");
  const SeenSpan queue = find("queue");
  const SeenSpan compute = find("compute");
  EXPECT_EQ(queue.parent, request.id);
  EXPECT_EQ(compute.parent, request.id);
  EXPECT_LE(request.begin, queue.begin);
  EXPECT_LE(queue.end, compute.begin);
  EXPECT_LE(compute.begin, compute.end);
  EXPECT_LE(compute.end, request.end);
}

TEST_F(TelemetryTest, TheCallersWordCountsBeforeTheRatio) {
  auto plane = Start(0);
  HttpCaller caller(plane->port());
  ASSERT_EQ(caller.Post(kInfer, kFourFloats)->status, 200);
  // Where traces begin none is kept: it takes an operator to switch them on.
  EXPECT_THAT(caller.Get("/v2/trace/setting")->body, HasSubstr(R"("trace_level":["OFF"])"));
  ASSERT_TRUE(
      plane->telemetry().trace_settings().Set("", {{"trace_level", "TIMESTAMPS"}}).has_value());
  EXPECT_THAT(caller.Post(kInfer, kFourFloats, kParent)->head, HasSubstr("traceresponse"));
  EXPECT_THAT(caller.Post(kInfer, kFourFloats)->head, Not(HasSubstr("traceresponse")));
  std::string unsampled(kParent);
  unsampled.replace(unsampled.find("-01\r\n"), 3, "-00");
  EXPECT_THAT(caller.Post(kInfer, kFourFloats, unsampled)->head, Not(HasSubstr("traceresponse")));
}

TEST_F(TelemetryTest, SettingsOfTheProtocolSteerLevelAndCount) {
  auto plane = Start(1);
  HttpCaller caller(plane->port());
  TraceSettings& settings = plane->telemetry().trace_settings();
  const auto is_traced = [&] {
    return caller.Post(kInfer, kFourFloats)->head.find("traceresponse") != std::string::npos;
  };
  EXPECT_TRUE(is_traced());
  ASSERT_TRUE(settings.Set("m", {{"trace_level", Json::array({"OFF"})}}).has_value());
  EXPECT_FALSE(is_traced());
  ASSERT_TRUE(settings.Set("m", {{"trace_level", nullptr}, {"trace_count", "2"}}).has_value());
  EXPECT_TRUE(is_traced());
  EXPECT_EQ(settings.Get("m")["trace_count"], "1");
  EXPECT_TRUE(is_traced());
  EXPECT_FALSE(is_traced());
  EXPECT_EQ(settings.Get("m")["trace_count"], "0");
  ASSERT_TRUE(
      settings.Set("m", {{"trace_count", nullptr}, {"trace_rate", "2147483647"}}).has_value());
  EXPECT_FALSE(is_traced()) << "one in 2,147,483,647";
  EXPECT_EQ(settings.Set("m", {{"trace_level", "TENSORS"}}).error().reason(), "TRACE_UNSUPPORTED");
}

TEST_F(TelemetryTest, ProbesAreNotTracedUnlessTheirCallerWants) {
  auto plane = Start(1);
  HttpCaller caller(plane->port());
  EXPECT_THAT(caller.Get("/v2/health/ready")->head, Not(HasSubstr("traceresponse")));
  EXPECT_THAT(caller.Get("/v2/health/ready", kParent)->head, HasSubstr("traceresponse"));
  const auto spans = WaitForSpans(1);
  EXPECT_EQ(spans[0].name, "GET");
  EXPECT_EQ(spans.size(), 1u);
}

TEST_F(TelemetryTest, WhatIsNoTextCannotSpoilTheBatchOfOthers) {
  auto plane = Start(1);
  HttpCaller caller(plane->port());
  std::string headers(kParent);
  headers.replace(headers.find("vendor=1"), 8, "a=\xff\xfe");
  EXPECT_EQ(caller.Post(kInfer, kFourFloats, headers)->status, 200);
  const auto spans = WaitForSpans(3);
  ASSERT_GE(spans.size(), 3u);
  for (const SeenSpan& span : spans) EXPECT_FALSE(FindInvalidUtf8(span.state).has_value());
}

TEST_F(TelemetryTest, AFailureThatIsTheServersIsAnError) {
  auto plane = Start(1);
  HttpCaller caller(plane->port());
  EXPECT_EQ(caller.Post(kInfer, "{}")->status, 400);
  const auto spans = WaitForSpans(1);
  EXPECT_EQ(spans[0].attributes.at("http.response.status_code"), "400");
  EXPECT_FALSE(spans[0].attributes.contains("error.type"));
}

}  // namespace
}  // namespace slipway::gateway
