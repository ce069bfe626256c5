#include "base/digest.h"

#include <gtest/gtest.h>

#include "base/testing/result_matchers.h"

namespace slipway {
namespace {

// FIPS 180-4's examples for "abc".
constexpr char kSha256OfAbc[] =
    "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr char kSha512OfAbc[] =
    "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";

TEST(DigestTest, HashesAsTheStandardSays) {
  EXPECT_EQ(Digest::Of("abc").text(), kSha256OfAbc);
  EXPECT_EQ(Digest::Of("abc", DigestAlgorithm::kSha512).text(), kSha512OfAbc);
  EXPECT_EQ(Digest::Of("").text(),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(DigestTest, HashesPartsAsTheWhole) {
  Hasher hasher;
  for (const char* part : {"", "a", "bc", ""}) hasher.Update(part);
  Hasher moved = std::move(hasher);
  EXPECT_EQ(moved.Finish(), Digest::Of("abc"));
}

TEST(DigestTest, ParsesWhatItWrites) {
  for (const char* text : {kSha256OfAbc, kSha512OfAbc}) {
    const auto digest = Digest::Parse(text);
    ASSERT_THAT(digest, IsOk());
    EXPECT_EQ(digest->text(), text);
    EXPECT_EQ(digest->hex(), std::string(text).substr(7));
  }
  EXPECT_EQ(Digest::Parse(kSha512OfAbc)->algorithm(), DigestAlgorithm::kSha512);
}

TEST(DigestTest, SaysWhatIsWrong) {
  const std::string hex(64, 'a');
  const auto expect_error = [](const std::string& text, std::string_view part) {
    const auto digest = Digest::Parse(text);
    ASSERT_THAT(digest, IsError(Code::kInvalidArgument, "DIGEST_INVALID")) << text;
    EXPECT_THAT(digest.error().message(), testing::HasSubstr(part)) << text;
  };
  expect_error("", "begins with sha256:");
  expect_error(hex, "begins with sha256:");
  expect_error("md5:" + hex, "begins with sha256:");
  expect_error("SHA256:" + hex, "begins with sha256:");
  expect_error("sha256:", "64 hex digits, got 0");
  expect_error("sha256:" + hex + "a", "64 hex digits, got 65");
  expect_error("sha512:" + hex, "128 hex digits, got 64");
  expect_error("sha256:A" + hex.substr(1), "byte 7 ");
  expect_error("sha256:" + hex.substr(1) + "g", "byte 70 ");
  expect_error("sha256:" + hex.substr(3) + "../", "byte 68 ");
  expect_error("sha256:" + hex.substr(1) + std::string(1, '\0'), "byte 70 ");
}

}  // namespace
}  // namespace slipway
