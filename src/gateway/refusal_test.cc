// What the data plane says when it cannot serve, and that clients of the protocol can read it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
  const auto bad = plane.Onnx(2, "out_of_memory.onnx");
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

}  // namespace
}  // namespace slipway::gateway
