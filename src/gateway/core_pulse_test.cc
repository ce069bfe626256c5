#include "gateway/core_pulse.h"

#include <chrono>
#include <latch>
#include <thread>

#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

namespace slipway::gateway {
namespace {

// Asks until the answer is this one, at most 30 s.
bool Eventually(CorePulse& pulse, const std::vector<size_t>& silent) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (pulse.Ask() != silent) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

TEST(CorePulseTest, NamesTheCoreThatDoesNotComeRound) {
  CorePool cores(3);
  CorePulse pulse(cores);
  EXPECT_TRUE(pulse.Ask().empty()) << "nobody was asked before";
  EXPECT_TRUE(Eventually(pulse, {}));
  std::latch stuck(1);
  std::latch go_on(1);
  asio::post(cores.context(1), [&] {
    stuck.count_down();
    go_on.wait();
  });
  stuck.wait();
  EXPECT_TRUE(Eventually(pulse, {1})) << "the others answer";
  EXPECT_TRUE(Eventually(pulse, {1})) << "and again";
  go_on.count_down();
  EXPECT_TRUE(Eventually(pulse, {}));
  cores.Stop();
}

TEST(CorePulseTest, MayGoBeforeTheAnswers) {
  CorePool cores(1);
  std::latch stuck(1);
  std::latch go_on(1);
  asio::post(cores.context(0), [&] {
    stuck.count_down();
    go_on.wait();
  });
  stuck.wait();
  {
    CorePulse pulse(cores);
    pulse.Ask();
    EXPECT_EQ(pulse.Ask(), std::vector<size_t>{0});
  }
  go_on.count_down();
  cores.Stop();
}

}  // namespace
}  // namespace slipway::gateway
