// What the data plane says when it cannot serve, and that clients of the protocol can read it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "gateway/testing/plane_fixture.h"

namespace slipway::gateway {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kInfer = "/v2/models/m/infer";

TEST(Refusal, ARevisionThatCannotWarmUpGetsNoTraffic) {
  PlaneFixture plane;
  const auto good = plane.Fake(1);
  plane.Serve({PlaneFixture::Service("m", {good})});
  const auto bad = plane.Fake(2, R"(,"failRun":"no luck","failRunReason":"OUT_OF_MEMORY")");
  plane.Serve({PlaneFixture::Service("m", {good, bad})});
  EXPECT_EQ(plane.Phase(bad.uid), "Failed: WARM_UP_FAILED");
  HttpCaller caller(plane.port());
  const auto answer = caller.Post(kInfer, kFourFloats);
  EXPECT_EQ(answer->status, 200);
  EXPECT_THAT(answer->body, HasSubstr(R"("model_version":"1")"));
}

TEST(Refusal, ARevisionThatFailsOnZerosServesAndSaysSo) {
  PlaneFixture plane;
  const auto revision = plane.Onnx(1, "not_with_zeros.onnx");
  plane.Serve({PlaneFixture::Service("m", {revision})});
  EXPECT_EQ(plane.Phase(revision.uid), "Ready: WARM_UP_FAILED");
  EXPECT_THAT(plane.plane().status().revisions.at(0).message, HasSubstr("Reshape"));
  HttpCaller caller(plane.port());
  const auto answer = caller.Post(
      kInfer, R"({"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]},)"
              R"({"name":"shape","shape":[2],"datatype":"INT64","data":[2,2]}]})");
  EXPECT_EQ(answer->status, 200) << answer->body;
}

TEST(Refusal, WhatTheServerRefusesHasTheProtocolsBody) {
  PlaneFixture plane;
  plane.Serve({PlaneFixture::Service("m", {plane.Fake(1)})});
  struct Case {
    std::string request;
    int status;
  };
  for (const Case& c :
       {Case{"GARBAGE\r\n\r\n", 400}, Case{"GET /v2 HTTP/1.1\r\n\r\n", 400},
        Case{"GET /v2 HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403},
        Case{"GET /v2 HTTP/1.1\r\nHost: localhost\r\nExpect: magic\r\n\r\n", 417},
        Case{"GET /v2 HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(100'000, 'a') + "\r\n\r\n",
             431},
        Case{"GET /v2 HTTP/2.0\r\nHost: localhost\r\n\r\n", 505}}) {
    HttpCaller caller(plane.port());
    const auto answer = caller.Raw(c.request);
    ASSERT_TRUE(answer.has_value()) << c.request.substr(0, 60) << answer.error().ToString();
    EXPECT_EQ(answer->status, c.status) << c.request.substr(0, 60);
    EXPECT_THAT(answer->head, HasSubstr("content-type: application/json"));
    const Result<Json> body = ParseJson(answer->body);
    ASSERT_TRUE(body.has_value()) << answer->body;
    EXPECT_TRUE(body->contains("error")) << answer->body;
  }
}

TEST(Refusal, AnswersAreUtf8WhateverTheRequestHolds) {
  PlaneFixture plane;
  plane.Serve({PlaneFixture::Service("m", {plane.Fake(1)})});
  HttpCaller caller(plane.port());
  const auto path = caller.Get("/v2/models/%ff");
  EXPECT_EQ(path->status, 400);
  EXPECT_THAT(path->body, HasSubstr("'%ff' is not UTF-8"));
  const auto header = caller.Post(kInfer, kFourFloats, "Content-Encoding: a\xff\r\n");
  EXPECT_EQ(header->status, 501);
  EXPECT_THAT(header->body, HasSubstr("'a\xef\xbf\xbd'"));
  EXPECT_THAT(caller.Get("/v2/models/%zz")->body, HasSubstr("'%' at byte 12 "));
  EXPECT_THAT(caller.Get("/v2?a=%z")->body, HasSubstr("'%' at byte 7 "));
  EXPECT_EQ(caller.Get("/v2/models/%c3%a4")->status, 404);
}

TEST(Refusal, AServiceWhoseRevisionFailedSaysWhy) {
  PlaneFixture plane;
  plane.Serve({PlaneFixture::Service("m", {plane.Fake(1, R"(,"failLoad":"no luck")")})});
  HttpCaller caller(plane.port());
  const std::string words = "'m' has no available versions (revision 1 failed: no luck)";
  for (int i = 0; i < 2; ++i) {
    const auto answer = caller.Post(kInfer, kFourFloats);
    EXPECT_EQ(answer->status, 503);
    EXPECT_THAT(answer->body, HasSubstr(words));
    EXPECT_THAT(answer->head, Not(HasSubstr("retry-after")));
    // The agent lists a revision that failed no longer.
    plane.Serve({PlaneFixture::Service("m", {})});
  }
  plane.Serve({PlaneFixture::Service("n", {})});
  const auto none = caller.Post("/v2/models/n/infer", kFourFloats);
  EXPECT_THAT(none->body, HasSubstr("nothing that can serve is deployed to it"));
  EXPECT_THAT(none->head, HasSubstr("retry-after"));
}

}  // namespace
}  // namespace slipway::gateway
