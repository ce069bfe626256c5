#include "registry/upload_session.h"

#include <gtest/gtest.h>

#include "registry/limits.h"

namespace slipway::registry {
namespace {

TEST(UploadSessionTest, HmacMatchesRfc4231) {
  EXPECT_EQ(HmacSha256(std::string(20, '\x0b'), "Hi There"),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(HmacSha256("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(HmacSha256(std::string(131, '\xaa'),
                       "Test Using Larger Than Block-Size Key - Hash Key First"),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(UploadSessionTest, IdHoldsForItsOwnerOnly) {
  const UploadSigner signer(std::string(32, 'k'));
  const std::string id = signer.SessionId("spool-1", "default/a", "token/x");
  const auto spool = signer.SpoolId(id, "default/a", "token/x");
  ASSERT_TRUE(spool.has_value());
  EXPECT_EQ(*spool, "spool-1");
  std::string changed = id;
  changed.back() = changed.back() == '0' ? '1' : '0';
  for (const auto& wrong :
       {signer.SpoolId(id, "default/b", "token/x"), signer.SpoolId(id, "default/a", "token/y"),
        signer.SpoolId(changed, "default/a", "token/x"), signer.SpoolId("", "default/a", "token/x"),
        signer.SpoolId("spool-1", "default/a", "token/x"),
        UploadSigner("other").SpoolId(id, "default/a", "token/x")}) {
    ASSERT_FALSE(wrong.has_value());
    EXPECT_EQ(wrong.error().reason(), "BLOB_UPLOAD_UNKNOWN");
  }
}

TEST(UploadSessionTest, SmallUploadsForgetLargeOnes) {
  SmallUploads uploads;
  uploads.Begin("a");
  EXPECT_EQ(uploads.Find("a"), "");
  uploads.Append("a", "12");
  uploads.Append("a", "3");
  EXPECT_EQ(uploads.Find("a"), "123");
  uploads.Append("a", std::string(kMaxInlineBytes - 3, 'x'));
  EXPECT_EQ(uploads.Find("a")->size(), kMaxInlineBytes);
  uploads.Append("a", "y");
  EXPECT_EQ(uploads.Find("a"), std::nullopt);
  uploads.Append("unknown", "y");
  EXPECT_EQ(uploads.Find("unknown"), std::nullopt);
}

TEST(UploadSessionTest, SmallUploadsAreBounded) {
  SmallUploads uploads;
  for (size_t i = 0; i <= kMaxSmallUploads; ++i) uploads.Begin(std::to_string(i));
  EXPECT_EQ(uploads.Find("0"), std::nullopt);
  EXPECT_EQ(uploads.Find("1"), "");
}

}  // namespace
}  // namespace slipway::registry
