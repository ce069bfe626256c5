#include "routing/shares.h"

#include <cmath>
#include <map>
#include <string>

#include <gtest/gtest.h>

namespace slipway::routing {
namespace {

std::string TextOf(const std::vector<Share>& shares) {
  std::string text;
  for (const Share& share : shares) {
    text += std::to_string(share.number) + ":" + std::to_string(share.weight) + " ";
  }
  return text;
}

// "NUMBER:WEIGHT " for each share.
std::string Text(const std::vector<Candidate>& candidates, const std::vector<SplitPart>& split) {
  return TextOf(DivideTraffic(candidates, split));
}

std::vector<Share> Shares(const std::vector<uint32_t>& weights) {
  std::vector<Share> shares;
  for (size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] == 0) continue;
    shares.push_back({.candidate = i, .number = static_cast<int64_t>(i) + 1, .weight = weights[i]});
  }
  return shares;
}

TEST(Shares, TheNewestThatIsReadyGetsAll) {
  EXPECT_EQ(Text({{.number = 1, .ready = true}, {.number = 3}, {.number = 2, .ready = true}}, {}),
            "2:1 ");
  EXPECT_EQ(Text({{.number = 1}, {.number = 2}}, {}), "");
  EXPECT_EQ(Text({}, {}), "");
}

TEST(Shares, WeightsAreSharedByThoseThatAreReady) {
  const std::vector<SplitPart> split = {{.revision = 1, .weight = 9000},
                                        {.revision = 2, .weight = 1000}};
  EXPECT_EQ(Text({{.number = 1, .ready = true}, {.number = 2, .ready = true}}, split),
            "1:9000 2:1000 ");
  EXPECT_EQ(Text({{.number = 1, .ready = true}, {.number = 2}}, split), "1:9000 ");
  EXPECT_EQ(Text({{.number = 1}, {.number = 2}, {.number = 3, .ready = true}}, split), "3:1 ");
  EXPECT_EQ(Text({{.number = 1, .ready = true}}, {{.revision = 1, .weight = 0}}), "1:1 ");
}

TEST(Shares, TheOldServesOnUntilItsSuccessorCan) {
  const Candidate old{.number = 1, .ready = true, .listed = false, .serving = true};
  EXPECT_EQ(Text({old, {.number = 2}}, {}), "1:1 ");
  EXPECT_EQ(Text({old, {.number = 2, .ready = true}}, {}), "2:1 ");
  // One that never served does not come back, and a service without revisions has none.
  EXPECT_EQ(Text({{.number = 1, .ready = true, .listed = false}, {.number = 2}}, {}), "");
  EXPECT_EQ(Text({old}, {}), "");
}

TEST(Shares, ARuleWithoutARevisionThatIsReadyTakesTheDefaultRoute) {
  const std::vector<Candidate> candidates = {{.number = 1, .ready = true}, {.number = 2}};
  const std::vector<Share> otherwise = {{.candidate = 0, .number = 1, .weight = 1}};
  EXPECT_EQ(TextOf(DivideRule(candidates, {{{.revision = 2}}}, otherwise)), "1:1 ");
  EXPECT_EQ(TextOf(DivideRule(candidates,
                              {{{.revision = 2, .weight = 5000}, {.revision = 1, .weight = 5000}}},
                              otherwise)),
            "1:5000 ");
}

TEST(Shares, TurnsKeepTheProportionFromAnyNumberOn) {
  for (const uint64_t first : {uint64_t{0}, uint64_t{12'345}, ~uint64_t{0} - 500}) {
    for (const uint32_t weight : {1u, 100u, 2'500u, 9'999u}) {
      const std::vector<Share> shares = Shares({weight, 10'000 - weight});
      for (const uint64_t count : {100u, 1'000u, 10'000u, 100'000u}) {
        uint64_t picked = 0;
        for (uint64_t i = 0; i < count; ++i) picked += PickByTurn(shares, first + i) == 0 ? 1 : 0;
        const double wanted = static_cast<double>(count) * weight / 10'000;
        EXPECT_NEAR(static_cast<double>(picked), wanted, 4) << first << " " << weight;
      }
    }
  }
}

TEST(Shares, APartOfTheRequests) {
  int picked = 0;
  for (uint64_t turn = 7; turn < 10'007; ++turn) picked += IsPart(500, turn) ? 1 : 0;
  EXPECT_NEAR(picked, 500, 3);
  EXPECT_FALSE(IsPart(0, 0));
  for (uint64_t turn = 0; turn < 1'000; ++turn) EXPECT_TRUE(IsPart(10'000, turn * turn));
}

// It is what clients of other versions, cores and machines have agreed upon.
TEST(Shares, TheHashOfAKeyIsFixed) {
  EXPECT_EQ(KeyHash("", 0), 0xf52a15e9a9b5e89bu);
  EXPECT_EQ(KeyHash("user-1", 3), 0x2c82ad78ae83eca9u);
  EXPECT_NE(KeyHash("user-1", 3), KeyHash("user-1", 4));
}

constexpr int kKeys = 100'000;

// The revision of each key.
std::vector<int64_t> Assigned(const std::vector<uint32_t>& weights) {
  const std::vector<Share> shares = Shares(weights);
  std::vector<int64_t> out;
  for (int i = 0; i < kKeys; ++i) {
    out.push_back(shares[PickByKey(shares, "key-" + std::to_string(i))].number);
  }
  return out;
}

TEST(Shares, KeysAreDividedByWeight) {
  const std::vector<uint32_t> weights = {100, 900, 4'000, 5'000};
  std::map<int64_t, int> counts;
  for (const int64_t number : Assigned(weights)) ++counts[number];
  for (size_t i = 0; i < weights.size(); ++i) {
    const double part = weights[i] / 10'000.0;
    // Five times the deviation of a random choice.
    EXPECT_NEAR(counts[static_cast<int64_t>(i) + 1] / double{kKeys}, part,
                5 * std::sqrt(part / kKeys));
  }
}

struct Change {
  std::vector<uint32_t> before;
  std::vector<uint32_t> after;
  double most;  // of the keys that may move
};

TEST(Shares, AChangeOfWeightsMovesFewKeys) {
  const Change changes[] = {
      // One share changes, and the others keep their proportions: not one key too many.
      {{10'000, 0}, {9'900, 100}, 0.01},
      {{9'900, 100}, {5'000, 5'000}, 0.49},
      {{5'000, 5'000}, {0, 10'000}, 0.5},
      {{6'000, 3'000, 1'000}, {5'400, 2'700, 1'900}, 0.09},
      {{5'000, 5'000, 0}, {4'500, 4'500, 1'000}, 0.1},
      // Any other change by d: 2d / (1 + d).
      {{5'000, 3'000, 2'000}, {5'000, 2'000, 3'000}, 0.2 / 1.1},
      {{2'500, 2'500, 2'500, 2'500}, {4'000, 1'000, 1'000, 4'000}, 0.6 / 1.3},
      {{1'000, 9'000, 0}, {0, 9'000, 1'000}, 0.2 / 1.1},
  };
  for (const Change& change : changes) {
    const std::vector<int64_t> before = Assigned(change.before);
    const std::vector<int64_t> after = Assigned(change.after);
    int moved = 0;
    for (int i = 0; i < kKeys; ++i) moved += before[i] != after[i] ? 1 : 0;
    EXPECT_LE(moved / double{kKeys}, change.most + 0.005) << ::testing::PrintToString(change.after);
    EXPECT_GT(moved, 0);
  }
}

TEST(Shares, KeysOfARevisionThatIsNotReadyComeBackToIt) {
  const std::vector<int64_t> before = Assigned({3'000, 3'000, 4'000});
  const std::vector<int64_t> without = Assigned({3'000, 3'000, 0});
  for (int i = 0; i < kKeys; ++i) {
    if (before[i] != 3) EXPECT_EQ(before[i], without[i]);
  }
}

}  // namespace
}  // namespace slipway::routing
