#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/testing/result_matchers.h"
#include "oci/client.h"
#include "oci/media_types.h"
#include "oci/testing/fake_registry.h"

namespace slipway::oci {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ReferrersTest : public ::testing::Test {
 protected:
  ReferrersTest() {
    client_ = std::make_unique<Client>(
        ClientOptions{.base_url = "http://registry.test:5000", .transport = registry_.transport()});
  }
  // A manifest that refers to the subject; `words` make it another one.
  Descriptor Put(const std::string& words) {
    const std::string bytes = DumpJson(
        {{"schemaVersion", 2},
         {"artifactType", "application/vnd.test"},
         {"subject", {{"mediaType", kImageManifestType}, {"digest", subject_.text()}, {"size", 3}}},
         {"annotations", {{"words", words}}}});
    Descriptor descriptor{.media_type = std::string(kImageManifestType),
                          .digest = Digest::Of(bytes),
                          .size_bytes = bytes.size(),
                          .artifact_type = "application/vnd.test"};
    EXPECT_THAT(client_->PutReferrer("p/a", descriptor, bytes, subject_), IsOk());
    return descriptor;
  }
  std::vector<std::string> List() {
    std::vector<std::string> digests;
    const auto found = client_->ListReferrers("p/a", subject_);
    EXPECT_THAT(found, IsOk());
    for (const Descriptor& entry : found.value()) digests.push_back(entry.digest.text());
    return digests;
  }
  std::string fallback() const { return "sha256-" + std::string(subject_.hex()); }

  FakeRegistry registry_;
  std::unique_ptr<Client> client_;
  const Digest subject_ = Digest::Of("subject");
};

TEST_F(ReferrersTest, AreListedOverSeveralPages) {
  EXPECT_THAT(List(), IsEmpty());
  std::vector<std::string> put;
  for (const char* words : {"a", "b", "c"}) put.push_back(Put(words).digest.text());
  EXPECT_THAT(List(), ::testing::UnorderedElementsAreArray(put));
  EXPECT_FALSE(registry_.manifests.contains({"p/a", fallback()}));
}

TEST_F(ReferrersTest, AreKeptUnderATagWhereTheRegistryDoesNotKnowThem) {
  registry_.referrers = false;
  EXPECT_THAT(List(), IsEmpty());
  const std::string first = Put("a").digest.text();
  const std::string second = Put("b").digest.text();
  EXPECT_EQ(Put("a").digest.text(), first);
  EXPECT_THAT(List(), ElementsAre(first, second));
  const Json index = Json::parse(registry_.manifests.at({"p/a", fallback()}));
  EXPECT_EQ(index["mediaType"], kImageIndexType);
  EXPECT_EQ(index["manifests"][0]["artifactType"], "application/vnd.test");
}

TEST_F(ReferrersTest, WhatAnotherClientWroteUnderTheTagStays) {
  registry_.referrers = false;
  const std::string other = DumpJson(
      {{"schemaVersion", 2},
       {"mediaType", kImageIndexType},
       {"manifests",
        {{{"mediaType", kImageManifestType}, {"digest", Digest::Of("x").text()}, {"size", 1}}}},
       {"unknown", {{"member", true}}}});
  ASSERT_THAT(client_->PutManifest("p/a", fallback(), std::string(kImageIndexType), other), IsOk());
  const std::string mine = Put("a").digest.text();
  EXPECT_THAT(List(), ElementsAre(Digest::Of("x").text(), mine));
  EXPECT_EQ(Json::parse(registry_.manifests.at({"p/a", fallback()}))["unknown"]["member"], true);
}

TEST_F(ReferrersTest, ATagThatIsNoIndexIsNotOverwritten) {
  registry_.referrers = false;
  registry_.manifests[{"p/a", fallback()}] = "[]";
  const auto list = client_->ListReferrers("p/a", subject_);
  ASSERT_THAT(list, IsError(Code::kInvalidArgument, "MANIFEST_INVALID"));
  EXPECT_THAT(list.error().message(), HasSubstr("the list of referrers"));
  EXPECT_THAT(client_->PutReferrer("p/a",
                                   {.media_type = std::string(kImageManifestType),
                                    .digest = Digest::Of("{}"),
                                    .size_bytes = 2},
                                   "{}", subject_),
              IsError(Code::kInvalidArgument, "MANIFEST_INVALID"));
  EXPECT_EQ(registry_.manifests.at({"p/a", fallback()}), "[]");
}

TEST_F(ReferrersTest, AListThatLeadsElsewhereIsNotFollowed) {
  registry_.intercept =
      [](const net::ClientRequest&) -> std::optional<Result<net::ClientResponse>> {
    net::ClientResponse response;
    response.status = 200;
    response.body = R"({"schemaVersion":2,"manifests":[]})";
    response.headers.emplace_back("Link", "<http://evil.test/next>; rel=\"next\"");
    return Result<net::ClientResponse>(response);
  };
  EXPECT_THAT(client_->ListReferrers("p/a", subject_),
              IsError(Code::kInternal, "REGISTRY_PROTOCOL"));
}

}  // namespace
}  // namespace slipway::oci
