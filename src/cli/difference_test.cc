#include "cli/difference.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace slipway::cli {
namespace {

TEST(Difference, NamesEachLeaf) {
  Json before = {{"model", "a:v1"}, {"threads", 1}, {"gone", {{"x", true}}}, {"list", {1, 2}}};
  Json after = {{"model", "a:v2"}, {"threads", 1}, {"fresh", {{"y", 2}}}, {"list", {1, 3}}};
  std::vector<std::string> want = {"spec.model: a:v1 -> a:v2", "spec.gone.x: true (gone)",
                                   "spec.list: [1,2] -> [1,3]", "spec.fresh.y: 2 (new)"};
  EXPECT_EQ(Difference(before, after, "spec"), want);
}

TEST(Difference, NothingIsNoLine) {
  EXPECT_TRUE(Difference(Json(), Json(), "spec").empty());
  EXPECT_TRUE(Difference({{"a", 1}}, {{"a", 1}}, "spec").empty());
}

TEST(Difference, AChangeOfTypeIsOneLine) {
  EXPECT_EQ(Difference({{"a", {{"b", 1}}}}, {{"a", 2}}, "s"),
            std::vector<std::string>{"s.a: {\"b\":1} -> 2"});
}

}  // namespace
}  // namespace slipway::cli
