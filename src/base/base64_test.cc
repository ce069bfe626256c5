#include "base/base64.h"

#include <gtest/gtest.h>

namespace slipway {
namespace {

TEST(Base64, WritesWhatRfc4648Shows) {
  EXPECT_EQ(Base64(""), "");
  EXPECT_EQ(Base64("f"), "Zg==");
  EXPECT_EQ(Base64("fo"), "Zm8=");
  EXPECT_EQ(Base64("foo"), "Zm9v");
  EXPECT_EQ(Base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(Base64(std::string("\0\xff", 2)), "AP8=");
}

TEST(Base64, PaddingMayBeMissing) {
  for (const char* text : {"Zg==", "Zg=", "Zg"}) EXPECT_EQ(FromBase64(text), "f") << text;
  for (const char* wrong : {"Z", "Zg\n==", "Zg== ", "Z=g=", "Zm9v!", "Zm9-"}) {
    EXPECT_EQ(FromBase64(wrong), std::nullopt) << wrong;
  }
}

TEST(Base64, OneTextForEachBytes) {
  for (const char* bytes : {"", "f", "fo", "foo", "foob"}) {
    EXPECT_EQ(FromCanonicalBase64(Base64(bytes)), bytes);
  }
  // The last two have bits behind the last byte that Base64 leaves at zero.
  for (const char* other : {"Zg", "Zg=", "Zg===", "Zh==", "Zm9="}) {
    EXPECT_EQ(FromCanonicalBase64(other), std::nullopt) << other;
  }
}

TEST(Base64, OfUrls) {
  const std::string bytes = "\xfb\xff\xfe";
  EXPECT_EQ(Base64(bytes), "+//+");
  EXPECT_EQ(Base64Url(bytes), "-__-");
  EXPECT_EQ(Base64Url("f"), "Zg");
  for (const std::string& text : {std::string(), std::string("f"), std::string("fo"), bytes}) {
    EXPECT_EQ(FromCanonicalBase64Url(Base64Url(text)), text);
  }
  // Of the other alphabet, with padding, with bits behind the last byte, and none at all.
  for (const char* other : {"+//+", "-_/-", "Zg==", "Zg=", "Zh", "Z", "Zm9v!", "Zg\n"}) {
    EXPECT_EQ(FromCanonicalBase64Url(other), std::nullopt) << other;
  }
}

}  // namespace
}  // namespace slipway
