// Rules, splits, sticky keys and shadows of a running data plane over REST.
#include <atomic>
#include <map>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/testing/plane_fixture.h"

namespace slipway::gateway {
namespace {

using routing::RuleSpec;
using routing::SplitPart;
using routing::TrafficSpec;
using ::testing::HasSubstr;

constexpr std::string_view kInfer = "/v2/models/m/infer";
constexpr std::string_view kVersion = "\"model_version\":\"";

std::string Version(const Result<HttpAnswer>& answer) {
  if (answer.has_error()) return answer.error().ToString();
  const size_t at = answer->body.find(kVersion);
  if (at == std::string::npos) return answer->body;
  const size_t begin = at + kVersion.size();
  return answer->body.substr(begin, answer->body.find('"', begin) - begin);
}

RuleSpec Rule(std::string name, routing::ConditionSpec condition, int64_t revision) {
  return {.name = std::move(name),
          .when = {std::move(condition)},
          .split = {{.revision = revision}},
          .shadow = std::nullopt};
}

class TrafficTest : public ::testing::Test {
 protected:
  // Revisions 1 to `count` of fake models, with `more` in the file of each.
  void Load(int64_t count, const std::string& more = "") {
    for (int64_t i = 1; i <= count; ++i) service_.revisions.push_back(plane_.Fake(i, more));
  }
  void Serve(TrafficSpec traffic) {
    service_.traffic = std::move(traffic);
    plane_.Serve({service_});
  }
  std::string Ask(std::string_view path = kInfer, std::string_view headers = {},
                  std::string_view body = kFourFloats) {
    return Version(caller_.Post(path, body, headers));
  }
  // How often each revision answers.
  std::map<std::string, int> Count(int requests) {
    std::map<std::string, int> counts;
    for (int i = 0; i < requests; ++i) ++counts[Ask()];
    return counts;
  }

  PlaneFixture plane_;
  runtime::ServingService service_ = PlaneFixture::Service("m", {});
  HttpCaller caller_{plane_.port()};
};

TEST_F(TrafficTest, WeightsHold) {
  Load(2);
  Serve({.split = {{.revision = 1, .weight = 7'500}, {.revision = 2, .weight = 2'500}}});
  // One connection, so one core.
  auto counts = Count(1'000);
  EXPECT_NEAR(counts["1"], 750, 5);
  EXPECT_NEAR(counts["2"], 250, 5);
  Serve({.split = {{.revision = 1, .weight = 0}, {.revision = 2, .weight = 10'000}}});
  EXPECT_EQ(Count(20)["2"], 20);
}

TEST_F(TrafficTest, ANewRevisionGetsNothingThatTheSplitDoesNotGive) {
  Load(1);
  Serve({.split = {{.revision = 1}}});
  service_.revisions.push_back(plane_.Fake(2));
  plane_.Serve({service_});
  EXPECT_EQ(plane_.Phase(service_.revisions[1].uid), "Ready");
  EXPECT_EQ(Count(20)["1"], 20);
  EXPECT_EQ(Ask("/v2/models/m/versions/2/infer"), "2");
}

TEST_F(TrafficTest, AShareOfWhatIsNotReadyGoesToTheOthers) {
  Load(1);
  service_.revisions.push_back(plane_.Fake(2, R"(,"failLoad":"no")"));
  Serve({.split = {{.revision = 1, .weight = 1}, {.revision = 2, .weight = 9'999}}});
  EXPECT_EQ(Count(20)["1"], 20);
}

TEST_F(TrafficTest, RulesOnEveryPartOfARequest) {
  Load(6);
  Serve({.rules = {Rule("header", {.header = "X-Group", .in = {"beta", "staff"}}, 2),
                   Rule("query", {.query = "try", .prefix = "new "}, 3),
                   Rule("body", {.body = "parameters.country", .exact = "NL"}, 4),
                   Rule("path", {.path = true, .contains = "%"}, 5)},
         .split = {{.revision = 1}}});
  EXPECT_EQ(Ask(), "1");
  EXPECT_EQ(Ask(kInfer, "x-group: beta\r\n"), "2");
  EXPECT_EQ(Ask(kInfer, "x-group: Beta\r\n"), "1");
  EXPECT_EQ(Ask("/v2/models/m/infer?try=new%20one"), "3");
  const std::string with_country =
      R"({"parameters":{"country":"NL"},)" + std::string(kFourFloats.substr(1));
  EXPECT_EQ(Ask(kInfer, "", with_country), "4");
  EXPECT_EQ(Ask(kInfer, "x-group: staff\r\n", with_country), "2");
  // A version goes by no rule.
  EXPECT_EQ(Ask("/v2/models/m/versions/6/infer", "x-group: beta\r\n"), "6");
  // What is no request is answered as it always was.
  EXPECT_THAT(caller_.Post(kInfer, "{\"parameters\":{\"country\":")->body, HasSubstr("error"));
}

TEST_F(TrafficTest, ARuleWithoutARevisionThatIsReadyTakesTheDefaultRoute) {
  Load(2);
  Serve({.rules = {Rule("r", {.header = "a", .exact = "b"}, 9)}, .split = {{.revision = 1}}});
  EXPECT_EQ(Ask(kInfer, "a: b\r\n"), "1");
}

TEST_F(TrafficTest, AKeyStaysWithItsRevisionOnEveryCoreAndAfterAChange) {
  Load(3);
  const auto revisions = [&] {
    std::vector<std::string> out;
    for (int i = 0; i < 200; ++i) {
      HttpCaller other(plane_.port());  // any core
      const std::string key = "x-user: u-" + std::to_string(i) + "\r\n";
      out.push_back(Version(other.Post(kInfer, kFourFloats, key)));
      EXPECT_EQ(Ask(kInfer, key), out.back());
    }
    return out;
  };
  const routing::StickySpec sticky{.header = "x-user"};
  Serve({.split = {{1, 6'000}, {2, 4'000}, {3, 0}}, .sticky = sticky});
  const auto before = revisions();
  EXPECT_NEAR(std::count(before.begin(), before.end(), "1"), 120, 40);
  Serve({.split = {{1, 5'400}, {2, 3'600}, {3, 1'000}}, .sticky = sticky});
  const auto after = revisions();
  for (size_t i = 0; i < before.size(); ++i) {
    if (after[i] != "3") EXPECT_EQ(after[i], before[i]) << i;
  }
  EXPECT_GT(std::count(after.begin(), after.end(), "3"), 0);
}

TEST_F(TrafficTest, AThousandChangesUnderLoadFailNothing) {
  Load(2);
  Serve({.split = {{1, 5'000}, {2, 5'000}}});
  std::atomic<bool> stopping{false};
  std::atomic<int> good{0};
  std::atomic<int> bad{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      HttpCaller caller(plane_.port());
      while (!stopping) {
        const std::string version = Version(caller.Post(kInfer, kFourFloats, "a: b\r\n"));
        ++(version == "1" || version == "2" ? good : bad);
      }
    });
  }
  for (int i = 0; i < 1'000; ++i) {
    const int32_t weight = i * 10;
    service_.traffic = TrafficSpec{.split = {{1, weight}, {2, 10'000 - weight}}};
    if (i % 3 == 0) {
      service_.traffic->rules = {Rule("r", {.header = "a", .regex = "b"}, 1 + i % 2)};
    }
    plane_.Serve({service_});  // in effect on every core
  }
  stopping = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(bad, 0);
  EXPECT_GT(good, 0);
}

TEST_F(TrafficTest, AShadowSeesCopiesAndIsCompared) {
  Load(1);
  service_.revisions.push_back(plane_.Fake(2));
  service_.revisions.push_back(plane_.Onnx(3, "linear_a.onnx"));
  Serve({.split = {{.revision = 1}}, .shadow = routing::ShadowSpec{.revision = 2, .compare = {}}});
  for (int i = 0; i < 50; ++i) ASSERT_EQ(Ask(), "1");
  const auto metric = [&](const std::string& name, const std::string& version) {
    return plane_.Metric("slipway_shadow_" + name, "version=\"" + version + "\"");
  };
  EXPECT_TRUE(PlaneFixture::WaitFor([&] { return metric("requests_total", "2") == 50; }));
  EXPECT_EQ(metric("mismatches_total", "2"), 0);
  EXPECT_EQ(metric("errors_total", "2"), 0);
  // Another model: its answers differ, and nobody who asks notices.
  Serve({.split = {{.revision = 1}},
         .shadow = routing::ShadowSpec{.revision = 3, .weight = 5'000, .compare = {}}});
  for (int i = 0; i < 50; ++i) ASSERT_EQ(Ask(), "1");
  EXPECT_TRUE(PlaneFixture::WaitFor([&] {
    return metric("mismatches_total", "3") + metric("errors_total", "3") +
               metric("dropped_total", "3") ==
           metric("requests_total", "3");
  }));
  EXPECT_NEAR(metric("requests_total", "3"), 25, 3);
  EXPECT_GT(metric("mismatches_total", "3"), 0);
  // A version goes by no rule, and has no shadow.
  const double before = metric("requests_total", "3");
  EXPECT_EQ(Ask("/v2/models/m/versions/2/infer"), "2");
  EXPECT_EQ(metric("requests_total", "3"), before);
}

TEST_F(TrafficTest, AShadowThatIsSlowOrFailsIsCountedAndKeepsNobodyWaiting) {
  Load(1);
  service_.revisions.push_back(plane_.Fake(2, R"(,"delayUs":3000000)"));
  Serve({.split = {{.revision = 1}}, .shadow = routing::ShadowSpec{.revision = 2, .compare = {}}});
  for (int i = 0; i < 60; ++i) ASSERT_EQ(Ask(), "1");
  const auto metric = [&](const std::string& name) {
    return plane_.Metric("slipway_shadow_" + name, "version=\"2\"");
  };
  // At most 16 run at the same time on the core, and each takes long.
  EXPECT_EQ(metric("requests_total"), 60);
  EXPECT_GT(metric("dropped_total"), 0);
  // One that is still running keeps its revision until it has ended.
  service_.revisions.pop_back();
  Serve({});
  EXPECT_TRUE(PlaneFixture::WaitFor([&] { return plane_.plane().status().revisions.size() == 1; }));
}

}  // namespace
}  // namespace slipway::gateway
