#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/testing/result_matchers.h"
#include "oci/media_types.h"
#include "registry/damage.h"
#include "registry/limits.h"
#include "registry/testing/registry_fixture.h"

namespace slipway::registry {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ListTest : public ::testing::Test {
 protected:
  ListTest() { registry_.PushBlob("default/a", "config"); }

  std::vector<std::string> Tags(const TestResponse& response) {
    EXPECT_EQ(response.status, 200) << response.body;
    return ParseJson(response.body).value()["tags"].get<std::vector<std::string>>();
  }
  static std::string NextOf(const TestResponse& response) {
    const std::string link = response.header("Link");
    const size_t end = link.find(">; rel=\"next\"");
    return end == std::string::npos ? "" : link.substr(1, end - 1);
  }
  static std::string WithSubject(const std::string& subject, const std::string& more) {
    return ManifestJson("config", {},
                        "\"subject\":{\"mediaType\":\"" + std::string(oci::kImageManifestType) +
                            "\",\"digest\":\"" + Digest::Of(subject).text() +
                            "\",\"size\":" + std::to_string(subject.size()) + "}" +
                            (more.empty() ? "" : "," + more));
  }
  Digest PushUntagged(const std::string& manifest) {
    return registry_.PushManifest("default/a", Digest::Of(manifest).text(), manifest);
  }
  // As an old client keeps it; returns the index.
  std::string PushFallback(const std::string& subject, const std::vector<std::string>& referrers,
                           const std::string& more = "") {
    std::string index = "{\"schemaVersion\":2,\"mediaType\":\"" +
                        std::string(oci::kImageIndexType) + "\"" + more + ",\"manifests\":[";
    for (const std::string& content : referrers) {
      index += "{\"mediaType\":\"" + std::string(oci::kImageManifestType) + "\",\"digest\":\"" +
               Digest::Of(content).text() + "\",\"size\":" + std::to_string(content.size()) + "},";
    }
    index.back() = ']';
    index += "}";
    registry_.PushManifest("default/a", "sha256-" + std::string(Digest::Of(subject).hex()), index);
    return index;
  }
  Json Referrers(const std::string& subject, const std::string& query = "") {
    const TestResponse response =
        registry_.Get("/v2/default/a/referrers/" + Digest::Of(subject).text() + query);
    EXPECT_EQ(response.status, 200) << response.body;
    EXPECT_EQ(response.content_type, oci::kImageIndexType);
    const Json body = ParseJson(response.body).value();
    EXPECT_EQ(body["schemaVersion"], 2);
    EXPECT_EQ(body["mediaType"], oci::kImageIndexType);
    return body["manifests"];
  }

  RegistryStores stores_;
  RegistryFixture registry_{stores_};
};

TEST_F(ListTest, TagsAreSortedByBytes) {
  const std::string manifest = ManifestJson("config", {});
  for (const char* tag : {"b", "B", "a10", "a2", "_x"}) {
    registry_.PushManifest("default/a", tag, manifest);
  }
  const TestResponse response = registry_.Get("/v2/a/tags/list");
  EXPECT_THAT(Tags(response), ElementsAre("B", "_x", "a10", "a2", "b"));
  EXPECT_EQ(ParseJson(response.body).value()["name"], "a");
  EXPECT_EQ(NextOf(response), "");
}

TEST_F(ListTest, TagPagesFollowTheirLinks) {
  const std::string manifest = ManifestJson("config", {});
  for (int i = 0; i < 7; ++i) {
    registry_.PushManifest("default/a", "t" + std::to_string(i), manifest);
  }
  std::vector<std::string> all;
  std::string next = "/v2/default/a/tags/list?n=3";
  int pages = 0;
  for (; !next.empty() && pages < 10; ++pages) {
    const TestResponse page = registry_.Get(next);
    for (std::string& tag : Tags(page)) all.push_back(std::move(tag));
    next = NextOf(page);
  }
  EXPECT_EQ(pages, 3);
  EXPECT_THAT(all, ElementsAre("t0", "t1", "t2", "t3", "t4", "t5", "t6"));
}

TEST_F(ListTest, TagPageLimits) {
  const std::string manifest = ManifestJson("config", {});
  for (const char* tag : {"a", "b", "c"}) registry_.PushManifest("default/a", tag, manifest);
  const std::string list = "/v2/default/a/tags/list";
  const TestResponse none = registry_.Get(list + "?n=0");
  EXPECT_THAT(Tags(none), IsEmpty());
  EXPECT_EQ(NextOf(none), "");
  // Exactly one page: no link to an empty one.
  EXPECT_EQ(NextOf(registry_.Get(list + "?n=3")), "");
  EXPECT_THAT(Tags(registry_.Get(list + "?last=a")), ElementsAre("b", "c"));
  // `last` need not be a tag.
  EXPECT_THAT(Tags(registry_.Get(list + "?last=aa&n=1")), ElementsAre("b"));
  EXPECT_THAT(Tags(registry_.Get(list + "?last=zzz")), IsEmpty());
  EXPECT_THAT(Tags(registry_.Get(list + "?last=%ff%ff")), IsEmpty());
  EXPECT_THAT(Tags(registry_.Get(list + "?n=99999999999999999999999")), ElementsAre("a", "b", "c"));
  for (const char* bad : {"?n=-1", "?n=x", "?n=", "?n=1.5"}) {
    const TestResponse response = registry_.Get(list + bad);
    EXPECT_EQ(response.status, 400) << bad;
    EXPECT_EQ(response.error_code(), "UNSUPPORTED");
  }
}

TEST_F(ListTest, TagsOfAnUnknownRepository) {
  const TestResponse response = registry_.Get("/v2/default/unknown/tags/list");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.error_code(), "NAME_UNKNOWN");
  registry_.PushBlob("default/blobs-only", "x");
  EXPECT_THAT(Tags(registry_.Get("/v2/default/blobs-only/tags/list")), IsEmpty());
}

TEST_F(ListTest, TagsOfARepositoryWhoseNameIsAPrefix) {
  registry_.PushBlob("default/ab", "config");
  const std::string manifest = ManifestJson("config", {});
  registry_.PushManifest("default/a", "one", manifest);
  registry_.PushManifest("default/ab", "two", manifest);
  EXPECT_THAT(Tags(registry_.Get("/v2/default/a/tags/list")), ElementsAre("one"));
}

TEST_F(ListTest, ReferrersOfUnknownDigestsAreAnEmptyIndex) {
  EXPECT_THAT(Referrers("unknown"), IsEmpty());
  const TestResponse no_repository =
      registry_.Get("/v2/default/none/referrers/" + Digest::Of("x").text());
  EXPECT_EQ(no_repository.status, 200);
  const TestResponse malformed = registry_.Get("/v2/default/a/referrers/sha256:nope");
  EXPECT_EQ(malformed.status, 400);
  EXPECT_EQ(malformed.error_code(), "DIGEST_INVALID");
}

TEST_F(ListTest, ReferrersCarryTypeAndAnnotations) {
  const std::string signature = WithSubject("model",
                                            "\"artifactType\":\"application/x.sig\","
                                            "\"annotations\":{\"a\":\"1\",\"b\":\"2\"}");
  const std::string plain = WithSubject("model", "");
  PushUntagged(signature);
  registry_.PushManifest("default/a", "tagged", plain);
  const Json list = Referrers("model");
  ASSERT_EQ(list.size(), 2u);
  const Json& first = list[0]["digest"] == Digest::Of(signature).text() ? list[0] : list[1];
  const Json& second = &first == &list[0] ? list[1] : list[0];
  EXPECT_EQ(first["artifactType"], "application/x.sig");
  EXPECT_EQ(first["annotations"]["b"], "2");
  EXPECT_EQ(first["mediaType"], oci::kImageManifestType);
  EXPECT_EQ(first["size"], signature.size());
  // Without artifactType the type of the config stands for it.
  EXPECT_EQ(second["artifactType"], "application/vnd.example.config+json");
}

TEST_F(ListTest, ReferrersAreFiltered) {
  PushUntagged(WithSubject("model", "\"artifactType\":\"application/x.sig\""));
  PushUntagged(WithSubject("model", "\"artifactType\":\"application/x.sbom\""));
  const TestResponse filtered = registry_.Get(
      "/v2/default/a/referrers/" + Digest::Of("model").text() + "?artifactType=application/x.sbom");
  EXPECT_EQ(filtered.header("OCI-Filters-Applied"), "artifactType");
  const Json list = ParseJson(filtered.body).value()["manifests"];
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0]["artifactType"], "application/x.sbom");
}

TEST_F(ListTest, DeletedReferrerIsGone) {
  const Digest digest = PushUntagged(WithSubject("model", ""));
  ASSERT_EQ(Referrers("model").size(), 1u);
  ASSERT_EQ(registry_.Delete("/v2/default/a/manifests/" + digest.text()).status, 202);
  EXPECT_THAT(Referrers("model"), IsEmpty());
}

TEST_F(ListTest, FallbackTagOfAnOldClientCounts) {
  const std::string old_signature = ManifestJson("config", {}, "\"annotations\":{\"old\":\"1\"}");
  const Digest old_digest = PushUntagged(old_signature);
  const std::string signature = WithSubject("model", "");
  const Digest digest = PushUntagged(signature);
  PushFallback("model", {old_signature, signature});
  std::vector<std::string> digests;
  for (const Json& entry : Referrers("model")) digests.push_back(entry["digest"]);
  std::vector<std::string> expected = {old_digest.text(), digest.text()};
  std::ranges::sort(expected);
  EXPECT_EQ(digests, expected);
  // What is not there any more is not listed.
  ASSERT_EQ(registry_.Delete("/v2/default/a/manifests/" + old_digest.text()).status, 202);
  EXPECT_EQ(Referrers("model").size(), 1u);
}

// Whatever is wrong with one of them, and whether or not a scrub has found it: the others are told.
TEST_F(ListTest, DamageHidesNoOtherReferrers) {
  const std::string sound = WithSubject("model", "");
  PushUntagged(sound);
  const std::string pad(kMaxInlineBytes, 'p');
  const std::string large = WithSubject("model", "\"annotations\":{\"pad\":\"" + pad + "\"}");
  PushUntagged(large);
  const std::string old_one = ManifestJson("config", {}, "\"annotations\":{\"old\":\"1\"}");
  PushUntagged(old_one);
  const std::string index =
      PushFallback("model", {old_one}, ",\"annotations\":{\"pad\":\"" + pad + "\"}");
  ASSERT_EQ(Referrers("model").size(), 3u);
  ASSERT_THAT(stores_.objects->Remove(Digest::Of(index)), IsOk());
  ASSERT_EQ(Referrers("model").size(), 2u) << "without what the list said";
  ASSERT_THAT(stores_.objects->Remove(Digest::Of(large)), IsOk());
  ASSERT_EQ(Referrers("model").size(), 1u);
  EXPECT_EQ(Referrers("model")[0]["digest"], Digest::Of(sound).text());
  // Bytes that are no manifest any more, as a scrub found.
  ASSERT_THAT(stores_.meta->MutateNow(CallContext::System("test"),
                                      [&](store::Transaction& transaction) -> Result<void> {
                                        TRY_VOID(transaction.Put(ObjectKey(Digest::Of(sound)),
                                                                 std::string(sound.size(), '?')));
                                        return MarkDamaged(transaction, Digest::Of(sound), "rot",
                                                           WallTime());
                                      }),
              IsOk());
  EXPECT_THAT(Referrers("model"), IsEmpty());
}

TEST_F(ListTest, ReferrerPagesFollowTheirLinks) {
  const size_t count = 2 * kMaxReferrerPageBytes / kMaxReferrerRowBytes + 5;
  const std::string pad(kMaxReferrerRowBytes, 'p');
  for (size_t i = 0; i < count; ++i) {
    PushUntagged(
        WithSubject("model", "\"annotations\":{\"n\":\"" + std::to_string(i) + pad + "\"}"));
  }
  std::vector<std::string> digests;
  std::string next = "/v2/default/a/referrers/" + Digest::Of("model").text();
  int pages = 0;
  for (; !next.empty() && pages < 10; ++pages) {
    const TestResponse page = registry_.Get(next);
    const Json body = ParseJson(page.body).value();
    for (const Json& entry : body["manifests"]) digests.push_back(entry["digest"]);
    next = NextOf(page);
  }
  EXPECT_EQ(pages, 3);
  EXPECT_EQ(digests.size(), count);
  EXPECT_TRUE(std::ranges::is_sorted(digests));
  EXPECT_EQ(std::ranges::adjacent_find(digests), digests.end());
}

// Something that is damaged elsewhere, and rows that an older program wrote, make no page shorter.
TEST_F(ListTest, APageIsAsLongWhereManifestsAreRead) {
  constexpr size_t kCount = 450;
  for (size_t i = 0; i < kCount; ++i) {
    PushUntagged(WithSubject("model", "\"annotations\":{\"n\":\"" + std::to_string(i) + "\"}"));
  }
  const auto mutate = [this](const std::function<Result<void>(store::Transaction&)>& change) {
    ASSERT_THAT(stores_.meta->MutateNow(CallContext::System("test"), change), IsOk());
  };
  mutate([](store::Transaction& transaction) {
    return MarkDamaged(transaction, Digest::Of("elsewhere"), "rot", WallTime());
  });
  EXPECT_EQ(Referrers("model").size(), kCount);
  mutate([](store::Transaction& transaction) -> Result<void> {
    const std::string prefix = ReferrerPrefix("default/a", Digest::Of("model"));
    TRY(rows, transaction.ScanSizes(prefix, store::PrefixEnd(prefix), kCount));
    for (const store::KeySize& row : rows) {
      TRY_VOID(transaction.Put(row.key, R"({"artifactType":"application/x"})"));
    }
    return {};
  });
  EXPECT_EQ(Referrers("model").size(), kCount);
}

// Clients that follow no Link find the one signature among the lists of parts.
TEST_F(ListTest, OneOfAThousandReferrersIsOnTheFirstPage) {
  const auto referrer = [](const std::string& type, int i) {
    return WithSubject("model", "\"artifactType\":\"" + type + "\",\"annotations\":{\"n\":\"" +
                                    std::to_string(i) + "\"}");
  };
  const std::string path = "/v2/default/a/referrers/" + Digest::Of("model").text();
  const auto page = [&](const std::string& query) {
    const TestResponse response = registry_.Get(path + query);
    EXPECT_EQ(NextOf(response), "");
    return ParseJson(response.body).value()["manifests"];
  };
  for (int i = 0; i < 1'000; ++i) PushUntagged(referrer("application/sbom", i));
  std::string signature;
  for (int i = 0; !Digest::Of(signature).hex().starts_with("ff"); ++i) {
    signature = referrer("application/signature", i);
  }
  const Digest digest = PushUntagged(signature);
  for (int older = 0; older < 2; ++older) {
    EXPECT_EQ(page("").size(), 1'001u);
    const Json found = page("?artifactType=application/signature");
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0]["digest"], digest.text());
    EXPECT_EQ(found[0]["size"], signature.size());
    EXPECT_EQ(found[0]["annotations"]["n"], ParseJson(signature).value()["annotations"]["n"]);
    EXPECT_THAT(page("?artifactType=signature"), IsEmpty());
    // A row of an older program: the manifest says the rest.
    const std::string key = ReferrerKey("default/a", Digest::Of("model"), digest);
    ASSERT_THAT(stores_.meta->MutateNow(CallContext::System("test"),
                                        [&](store::Transaction& transaction) {
                                          return transaction.Put(
                                              key, R"({"artifactType":"application/signature"})");
                                        }),
                IsOk());
  }
}

}  // namespace
}  // namespace slipway::registry
