#include "base/nearest_word.h"

#include <vector>

#include <gtest/gtest.h>

namespace slipway {
namespace {

TEST(NearestWord, IsWhatWasMeant) {
  const std::vector<std::string> verbs = {"push", "pull", "deploy", "services", "status"};
  EXPECT_EQ(NearestWord("deplyo", verbs), "deploy");
  EXPECT_EQ(NearestWord("service", verbs), "services");
  EXPECT_EQ(NearestWord("psh", verbs), "push");
  EXPECT_EQ(NearestWord("pul", verbs), "pull");
  EXPECT_EQ(NearestWord("banana", verbs), "");
  EXPECT_EQ(NearestWord("", verbs), "");
  EXPECT_EQ(NearestWord(std::string(1'000, 'd'), verbs), "");
  EXPECT_EQ(NearestWord("deploy", {}), "");
}

}  // namespace
}  // namespace slipway
