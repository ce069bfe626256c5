#include "gateway/traffic.h"

#include <map>

#include <gtest/gtest.h>

namespace slipway::gateway {
namespace {

// "NUMBER:WEIGHT " for each share.
std::string Text(const std::vector<Candidate>& candidates, const std::vector<WantedShare>& wanted) {
  std::string text;
  for (const Share& share : DivideTraffic(candidates, wanted)) {
    text += std::to_string(candidates[share.candidate].number) + ":" +
            std::to_string(share.weight) + " ";
  }
  return text;
}

TEST(Traffic, TheNewestThatIsReadyGetsAll) {
  EXPECT_EQ(Text({{.number = 1, .ready = true}, {.number = 3}, {.number = 2, .ready = true}}, {}),
            "2:1 ");
  EXPECT_EQ(Text({{.number = 1}, {.number = 2}}, {}), "");
  EXPECT_EQ(Text({}, {}), "");
}

TEST(Traffic, WeightsAreSharedByThoseThatAreReady) {
  const std::vector<WantedShare> wanted = {{.number = 1, .weight = 9000},
                                           {.number = 2, .weight = 1000}};
  EXPECT_EQ(Text({{.number = 1, .ready = true}, {.number = 2, .ready = true}}, wanted),
            "1:9000 2:1000 ");
  EXPECT_EQ(Text({{.number = 1, .ready = true}, {.number = 2}}, wanted), "1:9000 ");
  EXPECT_EQ(Text({{.number = 1}, {.number = 2}, {.number = 3, .ready = true}}, wanted), "3:1 ");
  EXPECT_EQ(Text({{.number = 1, .ready = true}}, {{.number = 1, .weight = 0}}), "1:1 ");
}

TEST(Traffic, TheOldServesOnUntilItsSuccessorCan) {
  const Candidate old{.number = 1, .ready = true, .listed = false, .serving = true};
  EXPECT_EQ(Text({old, {.number = 2}}, {}), "1:1 ");
  EXPECT_EQ(Text({old, {.number = 2, .ready = true}}, {}), "2:1 ");
  // One that never served does not come back, and a service without revisions has none.
  EXPECT_EQ(Text({{.number = 1, .ready = true, .listed = false}, {.number = 2}}, {}), "");
  EXPECT_EQ(Text({old}, {}), "");
}

TEST(Traffic, PicksInProportion) {
  const std::vector<Share> shares = {{.candidate = 4, .weight = 9}, {.candidate = 7, .weight = 1}};
  std::map<size_t, int> picked;
  for (uint64_t point = 0; point < 1000; ++point) ++picked[PickShare(shares, point)];
  EXPECT_EQ(picked[4], 900);
  EXPECT_EQ(picked[7], 100);
}

}  // namespace
}  // namespace slipway::gateway
