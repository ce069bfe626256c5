#include "model/signing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/testing/result_matchers.h"
#include "model/limits.h"
#include "oci/media_types.h"
#include "oci/testing/fake_registry.h"

namespace slipway::model {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kRepository = "p/a";

class SigningTest : public ::testing::Test {
 protected:
  SigningTest() {
    client_ = std::make_unique<oci::Client>(oci::ClientOptions{
        .base_url = "http://registry.test:5000", .transport = registry_.transport()});
    registry_.manifests[{kRepository, "v1"}] = manifest_;
    registry_.manifests[{kRepository, digest_.text()}] = manifest_;
  }
  Result<Signed> SignIt(std::map<std::string, std::string> annotations = {}) {
    return Sign(*client_, reference_, key_,
                {.identity = "registry.test:5000/p/a", .annotations = std::move(annotations)},
                SystemClock());
  }
  Result<Verified> VerifyIt(const std::map<std::string, std::string>& annotations = {}) {
    return Verify(*client_, reference_, key_.public_key(), annotations);
  }
  std::string Tag() const { return "sha256-" + std::string(digest_.hex()) + ".sig"; }

  oci::FakeRegistry registry_;
  std::unique_ptr<oci::Client> client_;
  const trust::SigningKey key_ = trust::SigningKey::Generate();
  const std::string manifest_ = R"({"schemaVersion":2})";
  const Digest digest_ = Digest::Of(manifest_);
  const oci::Reference reference_ = oci::Reference::Parse("p/a:v1").value();
};

TEST_F(SigningTest, BothFormsAreMadeOnceAndFound) {
  EXPECT_THAT(VerifyIt(), IsError(Code::kFailedPrecondition, "SIGNATURE_MISSING"));
  for (const bool keeps_list : {true, false}) {
    registry_.referrers = keeps_list;
    const auto done = SignIt({{"round", keeps_list ? "1" : "2"}});
    ASSERT_THAT(done, IsOk());
    EXPECT_THAT(done->added, ElementsAre(SignatureForm::kTag, SignatureForm::kBundle));
    const auto again = SignIt({{"round", keeps_list ? "1" : "2"}});
    ASSERT_THAT(again, IsOk());
    EXPECT_THAT(again->added, IsEmpty());
    const auto verified = VerifyIt({{"round", keeps_list ? "1" : "2"}});
    ASSERT_THAT(verified, IsOk());
    EXPECT_EQ(verified->digest, digest_);
    EXPECT_EQ(verified->signatures.size(), 2U);
    EXPECT_EQ(verified->signatures[0].claim.identity, "registry.test:5000/p/a");
  }
}

TEST_F(SigningTest, AnotherKeyOrOtherWordsAreRefused) {
  ASSERT_THAT(SignIt({{"a", "b"}}), IsOk());
  const auto other = Verify(*client_, reference_, trust::SigningKey::Generate().public_key(), {});
  ASSERT_THAT(other, IsError(Code::kFailedPrecondition, "SIGNATURE_INVALID"));
  EXPECT_THAT(other.error().message(), HasSubstr("not made with this key"));
  EXPECT_THAT(VerifyIt({{"a", "c"}}), IsError(Code::kFailedPrecondition, "SIGNATURE_INVALID"));
  EXPECT_THAT(VerifyIt({{"c", "b"}}), IsError(Code::kFailedPrecondition, "SIGNATURE_INVALID"));
}

TEST_F(SigningTest, WhatIsUnderTheTagStays) {
  ASSERT_THAT(SignIt({{"a", "1"}}), IsOk());
  ASSERT_THAT(SignIt({{"a", "2"}}), IsOk());
  const Json tagged = Json::parse(registry_.manifests.at({kRepository, Tag()}));
  EXPECT_EQ(tagged["layers"].size(), 2U);
  const std::string config =
      registry_.blobs.at({kRepository, tagged["config"]["digest"].get<std::string>()});
  EXPECT_EQ(Json::parse(config)["rootfs"]["diff_ids"].size(), 2U);
  // What is no manifest of signatures is not overwritten.
  registry_.manifests[{kRepository, Tag()}] = "[]";
  EXPECT_THAT(Sign(*client_, reference_, key_, {.forms = {SignatureForm::kTag}}, SystemClock()),
              IsError(Code::kInvalidArgument, "MANIFEST_INVALID"));
  EXPECT_EQ(registry_.manifests.at({kRepository, Tag()}), "[]");
}

TEST_F(SigningTest, TheNumberOfSignaturesIsLimited) {
  Json manifest = {{"schemaVersion", 2},
                   {"config",
                    {{"mediaType", "application/vnd.oci.image.config.v1+json"},
                     {"digest", digest_.text()},
                     {"size", 2}}},
                   {"layers", Json::array()}};
  for (size_t i = 0; i <= kMaxSignatures; ++i) {
    manifest["layers"].push_back({{"mediaType", "application/vnd.dev.cosign.simplesigning.v1+json"},
                                  {"digest", Digest::Of(std::to_string(i)).text()},
                                  {"size", 1}});
  }
  registry_.manifests[{kRepository, Tag()}] = manifest.dump();
  EXPECT_THAT(VerifyIt(), IsError(Code::kResourceExhausted, "SIGNATURES_TOO_MANY"));
  EXPECT_THAT(SignIt(), IsError(Code::kResourceExhausted, "SIGNATURES_TOO_MANY"));
}

TEST_F(SigningTest, ThereMustBeSomethingToSign) {
  const auto none = oci::Reference::Parse("p/a:none").value();
  EXPECT_THAT(Sign(*client_, none, key_, {}, SystemClock()),
              IsError(Code::kNotFound, "MANIFEST_UNKNOWN"));
  EXPECT_THAT(Verify(*client_, none, key_.public_key(), {}),
              IsError(Code::kNotFound, "MANIFEST_UNKNOWN"));
}

}  // namespace
}  // namespace slipway::model
