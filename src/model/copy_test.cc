#include "model/copy.h"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/testing/result_matchers.h"
#include "model/limits.h"
#include "oci/media_types.h"
#include "oci/testing/fake_registry.h"

namespace slipway::model {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kFrom = "p/from";
constexpr const char* kTo = "p/to";

Json DescriptorOf(const std::string& content, std::string_view type) {
  return {{"mediaType", type}, {"digest", Digest::Of(content).text()}, {"size", content.size()}};
}

std::string Bytes(size_t size, char seed) {
  std::string out(size, seed);
  for (size_t i = 0; i < size; ++i) out[i] = static_cast<char>(seed + (i * 31 + i / 977) % 200);
  return out;
}

class CopyTest : public ::testing::Test {
 protected:
  static std::unique_ptr<oci::Client> ClientOf(oci::FakeRegistry& registry) {
    return std::make_unique<oci::Client>(
        oci::ClientOptions{.base_url = "http://registry.test:5000",
                           .transport = registry.transport(),
                           .retry_pause = std::chrono::milliseconds(0)});
  }
  // Puts a manifest with these layers into the source; returns its bytes.
  std::string PutImage(const std::string& tag, const std::vector<std::string>& layers,
                       const Json& more = Json::object(),
                       std::string_view type = oci::kImageManifestType) {
    Json manifest = {{"schemaVersion", 2}, {"mediaType", type}};
    manifest["config"] = DescriptorOf(Blob("{}"), oci::kEmptyType);
    manifest["layers"] = Json::array();
    for (const std::string& layer : layers) {
      manifest["layers"].push_back(DescriptorOf(Blob(layer), oci::kOctetStreamType));
    }
    manifest.update(more);
    return PutManifest(tag, manifest.dump(1), type);
  }
  std::string PutManifest(const std::string& tag, const std::string& bytes, std::string_view type) {
    const std::string digest = Digest::Of(bytes).text();
    source_.manifests[{kFrom, digest}] = bytes;
    if (!tag.empty()) source_.manifests[{kFrom, tag}] = bytes;
    source_.manifest_types[{kFrom, digest}] = type;
    return bytes;
  }
  const std::string& Blob(const std::string& content) {
    return source_.blobs[{kFrom, Digest::Of(content).text()}] = content;
  }
  Result<Copied> Run(const std::string& to = "p/to:v1", CopyOptions options = {}) {
    const auto from = ClientOf(source_);
    const auto target = ClientOf(options.same_registry ? source_ : target_);
    const CopyEnd source{oci::Reference::Parse(from_).value(), *from, {}};
    const CopyEnd end{oci::Reference::Parse(to).value(), *target, {}};
    return Copy(source, end, options);
  }
  bool TargetHas(const std::string& blob) {
    const auto found = target_.blobs.find({kTo, Digest::Of(blob).text()});
    return found != target_.blobs.end() && found->second == blob;
  }
  std::string TargetManifest(const std::string& selector) {
    const auto found = target_.manifests.find({kTo, selector});
    return found == target_.manifests.end() ? "" : found->second;
  }

  oci::FakeRegistry source_;
  oci::FakeRegistry target_;
  std::string from_ = "p/from:v1";
};

TEST_F(CopyTest, ContentArrivesByteForByteAndOnce) {
  const std::string large = Bytes(5 << 20, 'a');  // in a session, larger than the pipe
  const std::string small = Bytes(1000, 'b');
  const std::string manifest = PutImage("v1", {large, small, small, ""});
  const auto first = Run();
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(first->digest, Digest::Of(manifest));
  EXPECT_TRUE(first->changed);
  EXPECT_EQ(first->blobs_sent, 4U);
  EXPECT_EQ(first->bytes_sent, large.size() + small.size() + 2);
  EXPECT_EQ(TargetManifest("v1"), manifest);
  EXPECT_TRUE(TargetHas(large));
  EXPECT_TRUE(TargetHas(small));
  EXPECT_TRUE(TargetHas(""));
  // The manifest comes last.
  EXPECT_EQ(target_.requests.back(), "PUT /v2/p/to/manifests/v1");

  target_.requests.clear();
  const auto again = Run();
  ASSERT_THAT(again, IsOk());
  EXPECT_FALSE(again->changed);
  EXPECT_THAT(target_.requests, Not(Contains(HasSubstr("PUT"))));
}

TEST_F(CopyTest, ACopyThatWasCutGoesOn) {
  const std::string large = Bytes(6 << 20, 'a');
  PutImage("v1", {large});
  target_.cut_after = 4 << 20;  // the upload: the source is asked again from there
  ASSERT_THAT(Run(), IsOk());
  EXPECT_TRUE(TargetHas(large));
  target_ = {};
  source_.cut_after = 3'000'000;  // the download
  ASSERT_THAT(Run(), IsOk());
  EXPECT_TRUE(TargetHas(large));
  target_ = {};
  source_.ranges = false;
  target_.cut_after = 4 << 20;
  ASSERT_THAT(Run(), IsOk());
  EXPECT_TRUE(TargetHas(large));
}

TEST_F(CopyTest, DamageAtTheSourceIsToldAsSuch) {
  for (const size_t size : {size_t{1000}, size_t{5 << 20}}) {
    const std::string content = Bytes(size, 'a');
    PutImage("v1", {content});
    source_.blobs[{kFrom, Digest::Of(content).text()}][500] ^= 1;
    const auto refused = Run();
    ASSERT_THAT(refused, IsError(Code::kDataLoss, "DIGEST_MISMATCH"));
    EXPECT_THAT(refused.error().message(), HasSubstr("source: "));
    EXPECT_FALSE(target_.blobs.contains({kTo, Digest::Of(content).text()}));
    EXPECT_EQ(TargetManifest("v1"), "");
  }
}

TEST_F(CopyTest, ErrorsSayWhichEndAndWhichBlob) {
  const std::string content = Bytes(1000, 'a');
  PutImage("v1", {content});
  source_.blobs.erase({kFrom, Digest::Of(content).text()});
  auto refused = Run();
  ASSERT_THAT(refused, IsError(Code::kNotFound, "BLOB_UNKNOWN"));
  EXPECT_THAT(refused.error().message(), HasSubstr("source: "));
  EXPECT_THAT(refused.error().message(),
              HasSubstr("blob " + std::string(Digest::Of(content).hex().substr(0, 12))));
  Blob(content);
  target_.intercept = [](const net::ClientRequest& request) {
    std::optional<Result<net::ClientResponse>> answer;
    if (request.method != "POST") return answer;
    net::ClientResponse denied;
    denied.status = 403;
    denied.body = R"({"errors":[{"code":"DENIED","message":"not yours"}]})";
    answer = Result<net::ClientResponse>(denied);
    return answer;
  };
  refused = Run();
  ASSERT_THAT(refused, IsError(Code::kPermissionDenied, "DENIED"));
  EXPECT_THAT(refused.error().message(), HasSubstr("target: "));
  from_ = "p/from:none";
  EXPECT_THAT(Run(), IsError(Code::kNotFound, "MANIFEST_UNKNOWN"));
}

TEST_F(CopyTest, AnIndexComesWithItsChildrenOfBothFamilies) {
  const std::string one = PutImage("", {"one"});
  const std::string two = PutImage("", {"two"}, Json::object(), oci::kDockerManifestType);
  const std::string inner =
      PutManifest("",
                  Json{{"schemaVersion", 2},
                       {"mediaType", oci::kDockerListType},
                       {"manifests", {DescriptorOf(two, oci::kDockerManifestType)}}}
                      .dump(2),
                  oci::kDockerListType);
  const std::string index = PutManifest("v1",
                                        Json{{"schemaVersion", 2},
                                             {"mediaType", oci::kImageIndexType},
                                             {"manifests",
                                              {DescriptorOf(one, oci::kImageManifestType),
                                               DescriptorOf(inner, oci::kDockerListType)}}}
                                            .dump(3),
                                        oci::kImageIndexType);
  const auto copied = Run();
  ASSERT_THAT(copied, IsOk());
  EXPECT_EQ(copied->manifests, 4U);
  for (const std::string& manifest : {one, two, inner, index}) {
    EXPECT_EQ(TargetManifest(Digest::Of(manifest).text()), manifest);
  }
  EXPECT_EQ(target_.manifest_types.at({kTo, Digest::Of(two).text()}), oci::kDockerManifestType);
  EXPECT_TRUE(TargetHas("one"));
  EXPECT_TRUE(TargetHas("two"));
}

TEST_F(CopyTest, TheDepthOfIndexesIsLimited) {
  std::string bytes = PutImage("", {"x"});
  std::string type(oci::kImageManifestType);
  for (int depth = 0; depth <= kMaxCopyDepth; ++depth) {
    bytes = PutManifest("v1",
                        Json{{"schemaVersion", 2},
                             {"mediaType", oci::kImageIndexType},
                             {"manifests", {DescriptorOf(bytes, type)}}}
                            .dump(),
                        oci::kImageIndexType);
    type = oci::kImageIndexType;
  }
  EXPECT_THAT(Run(), IsError(Code::kResourceExhausted, "COPY_TOO_DEEP"));
}

TEST_F(CopyTest, WithinARegistryBlobsAreMounted) {
  const std::string content = Bytes(1000, 'a');
  const std::string manifest = PutImage("v1", {content});
  const auto copied = Run("p/to:v2", {.same_registry = true});
  ASSERT_THAT(copied, IsOk());
  EXPECT_EQ(copied->blobs_mounted, 2U);
  EXPECT_EQ(copied->blobs_sent, 0U);
  EXPECT_EQ((source_.blobs.at({kTo, Digest::Of(content).text()})), content);
  EXPECT_EQ((source_.manifests.at({kTo, "v2"})), manifest);
}

TEST_F(CopyTest, TheNameAtTheTarget) {
  const std::string manifest = PutImage("v1", {"x"});
  const std::string digest = Digest::Of(manifest).text();
  ASSERT_THAT(Run("p/to"), IsOk());
  EXPECT_EQ(TargetManifest("v1"), manifest);
  target_ = {};
  ASSERT_THAT(Run("p/to@" + digest), IsOk());
  EXPECT_EQ(TargetManifest("v1"), "");
  EXPECT_EQ(TargetManifest(digest), manifest);
  EXPECT_THAT(Run("p/to@" + Digest::Of("other").text()),
              IsError(Code::kInvalidArgument, "REFERENCE_INVALID"));
  target_ = {};
  from_ = "p/from@" + digest;
  ASSERT_THAT(Run("p/to"), IsOk());
  EXPECT_EQ(TargetManifest(digest), manifest);
}

TEST_F(CopyTest, LayersThatMayNotBeHandedOnMayBeMissing) {
  const std::string foreign = "foreign";
  Json layer = DescriptorOf(foreign, "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip");
  PutImage("v1", {}, {{"layers", {layer}}});
  ASSERT_THAT(Run(), IsOk());
  EXPECT_FALSE(TargetHas(foreign));
  target_ = {};
  Blob(foreign);
  ASSERT_THAT(Run(), IsOk());
  EXPECT_TRUE(TargetHas(foreign));
}

TEST_F(CopyTest, ReferrersComeAlongWhenAskedFor) {
  const std::string image = PutImage("v1", {"x"});
  const std::string signature =
      PutImage("", {"signature"}, {{"subject", DescriptorOf(image, oci::kImageManifestType)}});
  const std::string on_signature =
      PutImage("", {"on it"}, {{"subject", DescriptorOf(signature, oci::kImageManifestType)}});
  const std::string tag = "sha256-" + std::string(Digest::Of(image).hex()) + ".sig";
  const std::string cosign = PutImage(tag, {"cosign's"});
  ASSERT_THAT(Run(), IsOk());
  EXPECT_EQ(TargetManifest(tag), "");

  for (const bool keeps_list : {true, false}) {
    target_ = {};
    target_.referrers = keeps_list;
    ASSERT_THAT(Run(), IsOk());  // the image is there already
    const auto copied = Run("p/to:v1", {.referrers = true});
    ASSERT_THAT(copied, IsOk());
    EXPECT_EQ(copied->referrers, 3U);
    EXPECT_EQ(TargetManifest(tag), cosign);
    EXPECT_EQ(TargetManifest(Digest::Of(signature).text()), signature);
    const auto listed = ClientOf(target_)->ListReferrers(kTo, Digest::Of(signature));
    ASSERT_THAT(listed, IsOk());
    ASSERT_EQ(listed->size(), 1U);
    EXPECT_EQ(listed->front().digest, Digest::Of(on_signature));
  }
}

// cosign may put one manifest under its tag, with the image as its subject.
TEST_F(CopyTest, AReferrerKeepsItsTag) {
  const std::string image = PutImage("v1", {"x"});
  const std::string tag = "sha256-" + std::string(Digest::Of(image).hex()) + ".sig";
  const std::string signature =
      PutImage(tag, {"signature"}, {{"subject", DescriptorOf(image, oci::kImageManifestType)}});
  ASSERT_THAT(Run("p/to:v1", {.referrers = true}), IsOk());
  EXPECT_EQ(TargetManifest(Digest::Of(signature).text()), signature);
  EXPECT_EQ(TargetManifest(tag), signature);
}

// Of a registry that leaves the list to its clients.
TEST_F(CopyTest, AListOfReferrersThatWasCutIsMended) {
  const std::string image = PutImage("v1", {"x"});
  const std::string signature =
      PutImage("", {"signature"}, {{"subject", DescriptorOf(image, oci::kImageManifestType)}});
  target_.referrers = false;
  ASSERT_THAT(Run("p/to:v1", {.referrers = true}), IsOk());
  const std::string list = "sha256-" + std::string(Digest::Of(image).hex());
  ASSERT_EQ(target_.manifests.erase({kTo, list}), 1U);
  ASSERT_THAT(Run("p/to:v1", {.referrers = true}), IsOk());
  const auto listed = ClientOf(target_)->ListReferrers(kTo, Digest::Of(image));
  ASSERT_THAT(listed, IsOk());
  ASSERT_EQ(listed->size(), 1U);
  EXPECT_EQ(listed->front().digest, Digest::Of(signature));
}

TEST_F(CopyTest, SignaturesThatOnlyTheTargetHasAreNotOverwritten) {
  const std::string image = PutImage("v1", {"x"});
  const std::string tag = "sha256-" + std::string(Digest::Of(image).hex()) + ".sig";
  PutImage(tag, {"first"});
  ASSERT_THAT(Run("p/to:v1", {.referrers = true}), IsOk());
  const std::string more = PutImage(tag, {"first", "second"});
  ASSERT_THAT(Run("p/to:v1", {.referrers = true}), IsOk());
  EXPECT_EQ(TargetManifest(tag), more);
  PutImage(tag, {"third"});
  EXPECT_THAT(Run("p/to:v1", {.referrers = true}),
              IsError(Code::kFailedPrecondition, "REFERRER_DIFFERS"));
  EXPECT_EQ(TargetManifest(tag), more);
}

}  // namespace
}  // namespace slipway::model
