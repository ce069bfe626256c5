#include "gateway/call_limiter.h"

#include <atomic>
#include <latch>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/testing/plane_fixture.h"
#include "trust/access.h"

namespace slipway::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

constexpr std::string_view kInfer = "/v2/models/m/infer";

CallLimiter::Clock::time_point At(milliseconds time) {
  return CallLimiter::Clock::time_point(seconds(1000) + time);
}

TEST(CallLimiter, LetsABurstThroughAndThenTheRate) {
  CallLimiter limiter({.requests_per_second = 10, .burst = 3});
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(limiter.Take(At(milliseconds(0)))) << i;
  EXPECT_EQ(limiter.Take(At(milliseconds(0))), milliseconds(100));
  EXPECT_EQ(limiter.Take(At(milliseconds(99))), milliseconds(1));
  EXPECT_FALSE(limiter.Take(At(milliseconds(100))));
  EXPECT_TRUE(limiter.Take(At(milliseconds(100))));
  // A long pause is worth one burst, not more.
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(limiter.Take(At(seconds(60)))) << i;
  EXPECT_TRUE(limiter.Take(At(seconds(60))));
}

TEST(CallLimiter, ABurstIsASecondUnlessSaid) {
  CallLimiter slow({.requests_per_second = 0.5});
  EXPECT_FALSE(slow.Take(At(milliseconds(0))));
  EXPECT_EQ(slow.Take(At(milliseconds(0))), seconds(2));
  CallLimiter fast({.requests_per_second = 5});
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(fast.Take(At(milliseconds(0))));
  EXPECT_TRUE(fast.Take(At(milliseconds(0))));
  CallLimiter tiny({.requests_per_second = 1e-300, .burst = 1'000'000});
  EXPECT_FALSE(tiny.Take(At(milliseconds(0))));
}

TEST(CallLimiter, IsExactAcrossThreads) {
  constexpr int kThreads = 4;
  CallLimiter limiter({.requests_per_second = 1, .burst = 1000});
  std::atomic<int> passed = 0;
  std::latch begin(kThreads);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        begin.arrive_and_wait();
        for (int j = 0; j < 1000; ++j) passed += limiter.Take(At(milliseconds(0))) ? 0 : 1;
      });
    }
  }
  EXPECT_EQ(passed, 1000);
}

TEST(CallLimiter, CountsWhatIsUnderWay) {
  const auto limiter = std::make_shared<CallLimiter>(routing::CallLimits{.concurrent = 2});
  ASSERT_TRUE(limiter->Enter());
  {
    ASSERT_TRUE(limiter->Enter());
    const CallPermit permit(limiter);
    EXPECT_FALSE(limiter->Enter());
  }
  EXPECT_TRUE(limiter->Enter());
  EXPECT_FALSE(limiter->Enter());
}

runtime::ServingService Limited(PlaneFixture& plane, const std::string& key,
                                const routing::CallLimits& limits) {
  runtime::ServingService service = PlaneFixture::Service("m", {plane.Fake(1)});
  service.access = "token";
  service.keys = {{.sha256 = trust::HashToken(key), .name = "ci", .limits = limits},
                  {.sha256 = trust::HashToken("free"), .name = "free"}};
  return service;
}

TEST(CallLimiter, AKeyAboveItsRateIsToldWhenToComeBack) {
  PlaneFixture plane;
  const routing::CallLimits limits{.requests_per_second = 0.001, .burst = 2};
  const auto service = Limited(plane, "key", limits);
  plane.Serve({service});
  HttpCaller caller(plane.port());
  const std::string_view key = "Authorization: Bearer key\r\n";
  EXPECT_EQ(caller.Post(kInfer, kFourFloats, key)->status, 200);
  // Another configuration does not give it a new burst.
  plane.Serve({service});
  EXPECT_EQ(caller.Post(kInfer, kFourFloats, key)->status, 200);
  const auto refused = caller.Post(kInfer, kFourFloats, key);
  EXPECT_EQ(refused->status, 429);
  EXPECT_THAT(refused->body, HasSubstr("the key 'ci' may send 0.001 requests a second"));
  EXPECT_THAT(refused->head, HasSubstr("retry-after: "));
  EXPECT_EQ(caller.Get("/v2/models/m", key)->status, 200) << "only inference counts";
  EXPECT_EQ(caller.Post(kInfer, kFourFloats, "Authorization: Bearer free\r\n")->status, 200);
  EXPECT_EQ(caller.Post(kInfer, kFourFloats)->status, 401);
}

TEST(CallLimiter, CallersWithoutKeysShareTheLimitsOfTheService) {
  PlaneFixture plane;
  auto service = PlaneFixture::Service("m", {plane.Fake(1)});
  service.limits = {.requests_per_second = 0.001, .burst = 1};
  plane.Serve({service, PlaneFixture::Service("other", {plane.Fake(1)})});
  HttpCaller caller(plane.port());
  HttpCaller second(plane.port());
  EXPECT_EQ(caller.Post(kInfer, kFourFloats)->status, 200);
  EXPECT_EQ(second.Post(kInfer, kFourFloats)->status, 429);
  EXPECT_EQ(second.Post("/v2/models/other/infer", kFourFloats)->status, 200);
  EXPECT_EQ(second.Post("/v2/models/m/generate", "{}")->status, 429);
}

TEST(CallLimiter, WhatIsAboveTheConcurrencyIsRefusedUntilOneEnds) {
  PlaneFixture plane;
  auto service = PlaneFixture::Service("m", {plane.Fake(1, R"(,"delayUs":20000000)")});
  service.limits = {.concurrent = 1};
  plane.Serve({service});
  const auto waits_for = [&](double pending) {
    return PlaneFixture::WaitFor(
        [&] { return plane.Metric("nv_inference_pending_request_count") == pending; });
  };
  HttpCaller first(plane.port());
  ASSERT_TRUE(first.Send(MakeRequest("POST", kInfer, kFourFloats)).has_value());
  ASSERT_TRUE(waits_for(1));
  HttpCaller second(plane.port());
  const auto refused = second.Post(kInfer, kFourFloats);
  EXPECT_EQ(refused->status, 429);
  EXPECT_THAT(refused->body, HasSubstr("1 requests at the same time"));
  first.Close();
  ASSERT_TRUE(waits_for(0));
  // The place is free again: this one is not refused, but runs.
  ASSERT_TRUE(second.Send(MakeRequest("POST", kInfer, kFourFloats)).has_value());
  EXPECT_TRUE(waits_for(1));
}

}  // namespace
}  // namespace slipway::gateway
