#include "klever/upload/checksum.h"

#include <gtest/gtest.h>

#include "base/testing/result_matchers.h"

namespace slipway::klever {
namespace {

// Of no bytes at all.
constexpr std::string_view kBase64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

std::string Field(std::string_view begin, std::string_view end) {
  return std::string(begin) + std::string(kBase64) + std::string(end);
}

TEST(Checksum, ReadsBothFormsOfTheField) {
  for (const std::string& field :
       {Field("sha-256=:", ":"), Field("SHA-256=", ""), Field("sha-512=:AAAA:, sha-256=:", ":"),
        Field("md5=AAAA,sha-256=", " , unixsum=1")}) {
    const auto digest = ParseDigestField(field);
    ASSERT_THAT(digest, IsOk()) << field;
    ASSERT_TRUE(*digest) << field;
    EXPECT_EQ(**digest, Digest::Of("")) << field;
  }
}

TEST(Checksum, PassesOverOtherAlgorithms) {
  for (const std::string_view field : {"", "sha-512=:AAAA:", "md5=x", ",,"}) {
    const auto digest = ParseDigestField(field);
    ASSERT_THAT(digest, IsOk());
    EXPECT_FALSE(*digest);
  }
}

TEST(Checksum, RefusesWhatIsNoSha256) {
  for (const std::string& field :
       {std::string("sha-256="), std::string("sha-256=::"), Field("sha-256=:", ""),
        Field("sha-256=:=", ":"), std::string("sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NM=:"),
        // Bits that no byte has.
        std::string("sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=:")}) {
    EXPECT_FALSE(ParseDigestField(field)) << field;
  }
}

net::HttpRequest With(std::vector<std::pair<std::string_view, std::string_view>> headers) {
  net::HttpRequest request;
  request.headers = std::move(headers);
  return request;
}

TEST(Checksum, TheHeadersOfTheFileMustAgree) {
  const std::string hex(Digest::Of("").hex());
  const std::string other(Digest::Of("x").hex());
  const std::string field = Field("sha-256=:", ":");
  const auto agreed = ReadChecksums(With({{"Repr-Digest", field}, {"x-checksum-sha256", hex}}));
  ASSERT_THAT(agreed, IsOk());
  EXPECT_EQ(agreed->file, Digest::Of(""));
  EXPECT_FALSE(agreed->content);
  const auto contradiction = ReadChecksums(With({{"Digest", field}, {"X-Checksum-Sha256", other}}));
  ASSERT_FALSE(contradiction);
  EXPECT_EQ(contradiction.error().reason(), "CHECKSUM_INVALID");
  const auto content =
      ReadChecksums(With({{"Content-Digest", field}, {"X-Checksum-Sha256", other}}));
  ASSERT_THAT(content, IsOk());
  EXPECT_EQ(content->content, Digest::Of(""));
  EXPECT_EQ(content->file, Digest::Of("x"));
  const auto bad = ReadChecksums(With({{"X-Checksum-Sha256", "xyz"}}));
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().detail("field"), "X-Checksum-Sha256");
}

}  // namespace
}  // namespace slipway::klever
