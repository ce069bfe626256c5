#include "trust/signed_claim.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/result_matchers.h"
#include "trust/bundle.h"
#include "trust/limits.h"

namespace slipway::trust {
namespace {

using ::testing::Pair;
using ::testing::UnorderedElementsAre;

constexpr std::string_view kHex =
    "a99e0f4e5106a3b24e795833aa85063e5fbb4a3f773971d5f5ae405f242b156f";

SignedClaim Claim() {
  return {.digest = Digest::Parse("sha256:" + std::string(kHex)).value(),
          .identity = "127.0.0.1:35001/a/b",
          .annotations = {{"who", "me"}}};
}

std::string With(std::string text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(SignedClaim, IsWrittenAsCosignWritesIt) {
  EXPECT_EQ(FormatClaim(Claim()),
            R"({"critical":{"identity":{"docker-reference":"127.0.0.1:35001/a/b"},"image":)"
            R"({"docker-manifest-digest":"sha256:)" +
                std::string(kHex) +
                R"("},"type":"cosign container image signature"},"optional":{"who":"me"}})");
  SignedClaim plain = Claim();
  plain.annotations.clear();
  EXPECT_THAT(FormatClaim(plain), ::testing::EndsWith(R"("optional":null})"));
}

TEST(SignedClaim, ComesBack) {
  for (const auto& claim :
       {ParseClaim(FormatClaim(Claim())), ParseStatement(FormatStatement(Claim()))}) {
    ASSERT_THAT(claim, IsOk());
    EXPECT_EQ(claim->digest, Claim().digest);
    EXPECT_THAT(claim->annotations, UnorderedElementsAre(Pair("who", "me")));
  }
  EXPECT_EQ(ParseClaim(FormatClaim(Claim()))->identity, Claim().identity);
  const auto numbers = ParseClaim(With(FormatClaim(Claim()), R"("me")", R"([1, true])"));
  ASSERT_THAT(numbers, IsOk());
  EXPECT_THAT(numbers->annotations, UnorderedElementsAre(Pair("who", "[1,true]")));
}

TEST(SignedClaim, EveryMemberCounts) {
  const std::string good = FormatClaim(Claim());
  for (const auto& [from, to, field] :
       std::vector<std::tuple<std::string, std::string, std::string>>{
           {R"("type":"cosign)", R"("type":"atomic)", "critical.type"},
           {R"("type":"cosign container image signature")", R"("type":7)", "critical.type"},
           {"docker-manifest-digest", "docker-manifest", "critical.image.docker-manifest"},
           {"sha256:", "sha255:", "critical.image.docker-manifest-digest"},
           {R"("docker-reference":"127.0.0.1:35001/a/b")", R"("docker-reference":null)",
            "critical.identity.docker-reference"},
           {R"({"critical")", R"({"more":1,"critical")", "more"},
           {R"("optional":{"who":"me"})", R"("optional":"me")", "optional"},
           {R"(,"optional":{"who":"me"})", "", "optional"},
           {R"({"critical":)", R"([{"critical":)", "the payload"}}) {
    const auto refused = ParseClaim(With(good, from, to));
    ASSERT_THAT(refused, IsError(Code::kInvalidArgument, "CLAIM_INVALID")) << to;
    EXPECT_EQ(refused.error().detail("field"), field);
  }
  EXPECT_THAT(ParseClaim(std::string(kMaxSignedBytes + 1, ' ')),
              IsError(Code::kInvalidArgument, "CLAIM_INVALID"));
  // The same name twice could be read in two ways.
  EXPECT_THAT(ParseClaim(With(good, R"("optional":{)", R"("optional":{},"optional":{)")),
              IsError(Code::kInvalidArgument, "CLAIM_INVALID"));
}

TEST(SignedStatement, OnlyOfASignatureAndOfOneSubject) {
  const std::string good = FormatStatement(Claim());
  EXPECT_THAT(ParseStatement(With(good, "cosign/sign/v1", "cosign/custom/v1")),
              IsError(Code::kInvalidArgument, "STATEMENT_OTHER"));
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"Statement/v1", "Statement/v0.1"},
           {R"("subject":[)", R"("subject":[{},)"},
           {R"({"sha256":)", R"({"sha512":)"},
           {R"({"sha256":)", R"({"sha1":"x","sha256":)"},
           {R"("predicate":{})", R"("other":{})"},
           {R"("subject":[{"digest":{)", R"("subject":[{"digests":{)"}}) {
    EXPECT_THAT(ParseStatement(With(good, from, to)),
                IsError(Code::kInvalidArgument, "CLAIM_INVALID"))
        << to;
  }
}

TEST(Bundle, ComesBackAndIsStrict) {
  const Bundle bundle{
      .payload = FormatStatement(Claim()), .signatures = {"one", "two"}, .key_hint = "h"};
  const std::string good = FormatBundle(bundle);
  const auto again = ParseBundle(good);
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->payload, bundle.payload);
  EXPECT_EQ(again->signatures, bundle.signatures);
  EXPECT_EQ(again->key_hint, "h");
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"bundle.v0.3", "bundle.v9"},
           {"dsseEnvelope", "messageSignature"},
           {"application/vnd.in-toto+json", "text/plain"},
           {R"("payload":")", R"("payload":"!)"},
           {R"("sig":"b25l")", R"("sig":"b25l=")"},
           {R"("sig":"b25l")", R"("sig":7)"},
           {R"("signatures":[)", R"("signatures":[7,)"}}) {
    EXPECT_THAT(ParseBundle(With(good, from, to)),
                IsError(Code::kInvalidArgument, "BUNDLE_INVALID"))
        << to;
  }
  EXPECT_THAT(ParseBundle(FormatBundle({.payload = "x", .signatures = {}, .key_hint = ""})),
              IsError(Code::kInvalidArgument, "BUNDLE_INVALID"));
  EXPECT_THAT(ParseBundle("{"), IsError(Code::kInvalidArgument, "BUNDLE_INVALID"));
}

TEST(Bundle, ThePayloadsTypeAndLengthAreSigned) {
  EXPECT_EQ(PreAuthEncoding("abc"), "DSSEv1 28 application/vnd.in-toto+json 3 abc");
}

}  // namespace
}  // namespace slipway::trust
