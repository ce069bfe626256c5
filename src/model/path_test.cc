#include "model/path.h"

#include <gtest/gtest.h>

#include "model/limits.h"

namespace slipway::model {
namespace {

TEST(PathTest, Taken) {
  for (const char* good : {"a", "a/b", "a b/c.d", "...", "..a", "ü/模型.onnx", "-", "a/.hidden"}) {
    EXPECT_TRUE(CheckPath(good).has_value()) << good;
  }
  EXPECT_EQ(*NormalizePath("././a/b"), "a/b");
}

TEST(PathTest, Refused) {
  std::string deep = "a";
  for (size_t i = 0; i < kMaxPathDepth; ++i) deep += "/a";
  for (const std::string& bad :
       {std::string(), std::string("/a"), std::string("a/"), std::string("a//b"), std::string("."),
        std::string(".."), std::string("../a"), std::string("a/.."), std::string("a/./b"),
        std::string("a\\b"), std::string("a.slipway-partial"), std::string("b.slipway-partial/a"),
        std::string("a\nb"), std::string("a\0b", 3), std::string("\x7f"), std::string("\xff"),
        std::string(kMaxPathComponentBytes + 1, 'a'), std::string(kMaxPathBytes + 1, 'a'), deep}) {
    const auto result = CheckPath(bad);
    ASSERT_FALSE(result.has_value()) << bad;
    EXPECT_EQ(result.error().reason(), "PATH_INVALID");
  }
  EXPECT_FALSE(NormalizePath("./").has_value());
  EXPECT_FALSE(NormalizePath(".//etc").has_value());
}

}  // namespace
}  // namespace slipway::model
