#include "base/random.h"

#include <array>
#include <set>

#include <gtest/gtest.h>

namespace slipway {
namespace {

TEST(RandomTest, GivesTheSameSequenceForTheSameSeed) {
  const auto one = MakeSeededRandom(1);
  const auto again = MakeSeededRandom(1);
  const auto two = MakeSeededRandom(2);
  // The first output of SplitMix64 for the state 0 is published with the algorithm.
  EXPECT_EQ(MakeSeededRandom(0)->Next(), 0xE220A8397B1DCDAFu);
  for (int i = 0; i < 10; ++i) {
    const uint64_t number = one->Next();
    EXPECT_EQ(again->Next(), number);
    EXPECT_NE(two->Next(), number);
  }
}

TEST(RandomTest, FillsEveryByte) {
  for (Random* random : {&SystemRandom(), MakeSeededRandom(7).release()}) {
    std::array<std::byte, 1003> bytes{};
    std::array<bool, 1003> changed{};
    for (int round = 0; round < 8; ++round) {
      random->Fill(bytes);
      for (size_t i = 0; i < bytes.size(); ++i) changed[i] |= bytes[i] != std::byte{0};
    }
    for (size_t i = 0; i < bytes.size(); ++i) EXPECT_TRUE(changed[i]) << i;
    if (random != &SystemRandom()) delete random;
  }
}

TEST(RandomTest, MakesIdsThatDiffer) {
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = RandomHexId(SystemRandom());
    EXPECT_EQ(id.size(), 32u);
    EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos);
    ids.insert(id);
  }
  EXPECT_EQ(ids.size(), 1000u);
}

}  // namespace
}  // namespace slipway
