// Revisions are exchanged under load, and no client sees it.
#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/testing/plane_fixture.h"

namespace slipway::gateway {
namespace {

// Clients that call as fast as they can, each on its own connection, until they are told to stop.
class Load {
 public:
  Load(uint16_t port, size_t clients) {
    for (size_t i = 0; i < clients; ++i) {
      threads_.emplace_back([this, port] { Call(port); });
    }
  }
  ~Load() { Stop(); }
  void Stop() {
    stopping_ = true;
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }
  uint64_t good() const { return good_; }
  const std::string& first_failure() const { return first_failure_; }
  uint64_t failures() const { return failures_; }

 private:
  void Call(uint16_t port) {
    HttpCaller caller(port);
    while (!stopping_) {
      const auto answer = caller.Post("/v2/models/m/infer", kFourFloats);
      if (answer.has_value() && answer->status == 200 &&
          answer->body.find("\"data\":[1.0,2.5,-3.0,4.0]") != std::string::npos) {
        ++good_;
        continue;
      }
      if (failures_++ == 0) {
        first_failure_ = answer.has_value() ? answer->body : answer.error().ToString();
      }
    }
  }

  std::atomic<bool> stopping_{false};
  std::atomic<uint64_t> good_{0};
  std::atomic<uint64_t> failures_{0};
  std::string first_failure_;
  std::vector<std::thread> threads_;
};

void SwitchUnderLoad(PlaneFixture& plane, int switches,
                     const std::function<runtime::ServingRevision(int64_t number)>& make) {
  auto current = make(1);
  plane.Serve({PlaneFixture::Service("m", {current})});
  Load load(plane.port(), 4);
  HttpCaller observer(plane.port());
  for (int i = 0; i < switches; ++i) {
    auto next = make(i + 2);
    // As an agent does it: both, and when the new one is ready, it alone.
    plane.Serve({PlaneFixture::Service("m", {current, next})});
    ASSERT_EQ(plane.Phase(next.uid), "Ready");
    // Ready means that every core serves it.
    const auto answer = observer.Post("/v2/models/m/infer", kFourFloats);
    ASSERT_TRUE(answer.has_value());
    EXPECT_NE(answer->body.find("\"model_version\":\"" + std::to_string(i + 2) + "\""),
              std::string::npos)
        << answer->body;
    plane.Serve({PlaneFixture::Service("m", {next})});
    current = next;
  }
  load.Stop();
  EXPECT_EQ(load.failures(), 0u) << load.first_failure();
  EXPECT_GT(load.good(), static_cast<uint64_t>(switches));
  EXPECT_TRUE(PlaneFixture::WaitFor([&] { return plane.plane().status().revisions.size() == 1; }));
}

TEST(HotSwitch, AHundredInlineRevisions) {
  PlaneFixture plane;
  SwitchUnderLoad(plane, 100, [&](int64_t number) { return plane.Fake(number); });
}

TEST(HotSwitch, RevisionsOnEngineThreads) {
  PlaneFixture plane;
  SwitchUnderLoad(plane, 30,
                  [&](int64_t number) { return plane.Fake(number, R"(,"delayUs":300)"); });
}

TEST(HotSwitch, OnnxRevisions) {
  PlaneFixture plane;
  SwitchUnderLoad(plane, 20, [&](int64_t number) { return plane.Onnx(number, "identity.onnx"); });
}

TEST(HotSwitch, TheOldIsDroppedBeforeTheNewIsThere) {
  PlaneFixture plane;
  auto current = plane.Fake(1);
  plane.Serve({PlaneFixture::Service("m", {current})});
  Load load(plane.port(), 2);
  for (int i = 0; i < 20; ++i) {
    plane.Serve({PlaneFixture::Service("m", {plane.Fake(i + 2, R"(,"loadDelayUs":5000)")})});
  }
  load.Stop();
  EXPECT_EQ(load.failures(), 0u) << load.first_failure();
}

TEST(HotSwitch, ConfigurationsMayComeFasterThanTheyAreLoaded) {
  PlaneFixture plane;
  plane.Serve({PlaneFixture::Service("m", {plane.Fake(1)})});
  Load load(plane.port(), 2);
  uint64_t generation = 0;
  for (int i = 0; i < 50; ++i) {
    generation =
        plane.Apply({PlaneFixture::Service("m", {plane.Fake(i + 2, R"(,"loadDelayUs":2000)")})});
  }
  plane.WaitUntilSettled(generation);
  load.Stop();
  EXPECT_EQ(load.failures(), 0u) << load.first_failure();
  HttpCaller caller(plane.port());
  EXPECT_NE(caller.Post("/v2/models/m/infer", kFourFloats)->body.find("\"model_version\":\"51\""),
            std::string::npos);
}

}  // namespace
}  // namespace slipway::gateway
