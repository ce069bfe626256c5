#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/media_types.h"
#include "registry/limits.h"
#include "registry/lookup.h"
#include "registry/testing/registry_fixture.h"

namespace slipway::registry {
namespace {

using ::testing::HasSubstr;

class ManifestTest : public ::testing::Test {
 protected:
  ManifestTest() {
    registry_.PushBlob("default/a", "config");
    registry_.PushBlob("default/a", "layer");
  }
  static std::string Path(const std::string& reference) {
    return "/v2/default/a/manifests/" + reference;
  }
  static std::string Simple(const std::string& more = "") {
    return ManifestJson("config", {"layer"}, more);
  }
  static std::string IndexJson(const std::vector<std::string>& children,
                               const std::string& more = "") {
    std::string text = "{\"schemaVersion\":2,\"mediaType\":\"" + std::string(oci::kImageIndexType) +
                       "\",\"manifests\":[";
    for (size_t i = 0; i < children.size(); ++i) {
      text += (i == 0 ? "" : ",") + std::string("{\"mediaType\":\"") +
              std::string(oci::kImageManifestType) + "\",\"digest\":\"" +
              Digest::Of(children[i]).text() + "\",\"size\":" + std::to_string(children[i].size()) +
              "}";
    }
    return text + "]" + (more.empty() ? "" : "," + more) + "}";
  }
  void ExpectError(const TestResponse& response, int status, const std::string& code) {
    EXPECT_EQ(response.status, status) << response.body;
    EXPECT_EQ(response.error_code(), code) << response.body;
    EXPECT_EQ(response.content_type, "application/json");
  }

  RegistryStores stores_;
  RegistryFixture registry_{stores_};
};

TEST_F(ManifestTest, IsKeptByteForByte) {
  // Spaces, order, unknown members, escapes and a trailing newline.
  const std::string odd =
      "{\n  \"layers\" : [ ],\"schemaVersion\": 2, \"zz\":{\"a\":[1,2.50,\"\\u00e9\"]},\n"
      "\"config\":" +
      ManifestJson("config", {}).substr(ManifestJson("config", {}).find("\"config\":") + 9);
  const std::string manifest = odd.substr(0, odd.find(",\"layers\":[]")) + "}\n";
  const Digest digest = registry_.PushManifest("default/a", "v1", manifest);
  for (const std::string& reference : {std::string("v1"), digest.text()}) {
    const TestResponse get = registry_.Get(Path(reference));
    EXPECT_EQ(get.status, 200);
    EXPECT_EQ(get.body, manifest);
    EXPECT_EQ(get.content_type, oci::kImageManifestType);
    EXPECT_EQ(get.header("Docker-Content-Digest"), digest.text());
    const TestResponse head = registry_.Head(Path(reference));
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.declared_length, manifest.size());
    EXPECT_EQ(head.content_type, get.content_type);
    EXPECT_EQ(head.header("Docker-Content-Digest"), digest.text());
  }
}

TEST_F(ManifestTest, PutAnswersWhereItIs) {
  const std::string manifest = Simple();
  const TestResponse put = registry_.Put(Path("v1"), manifest);
  EXPECT_EQ(put.status, 201);
  EXPECT_EQ(put.header("Docker-Content-Digest"), Digest::Of(manifest).text());
  EXPECT_EQ(registry_.Get(put.header("Location")).body, manifest);
  EXPECT_EQ(put.header("OCI-Subject"), "");
}

TEST_F(ManifestTest, LargeManifest) {
  std::string annotations = "\"annotations\":{";
  for (int i = 0; i < 390; ++i) {
    annotations += (i == 0 ? "" : ",") + std::string("\"a") + std::to_string(i) + "\":\"" +
                   std::string(10'000, 'x') + "\"";
  }
  const std::string manifest = Simple(annotations + "}");
  ASSERT_GT(manifest.size(), 3'900'000u);
  const Digest digest = registry_.PushManifest("default/a", "large", manifest);
  EXPECT_EQ(registry_.Get(Path("large")).body, manifest);
  EXPECT_EQ(registry_.Head(Path(digest.text())).declared_length, manifest.size());
  std::string bytes;
  ASSERT_TRUE(stores_.meta->ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
    TRY(read, ReadManifestBytes(snapshot, *stores_.objects, "a", digest));
    bytes = std::move(read);
    return {};
  }));
  EXPECT_EQ(bytes, manifest);
}

TEST_F(ManifestTest, TooLargeManifest) {
  const std::string manifest = Simple("\"x\":\"" + std::string(4 << 20, 'x') + "\"");
  ExpectError(registry_.Put(Path("v1"), manifest), 413, "SIZE_INVALID");
}

TEST_F(ManifestTest, TypeComesFromTheHeaderWhereTheJsonHasNone) {
  std::string manifest = Simple();
  const std::string type = "\"mediaType\":\"" + std::string(oci::kImageManifestType) + "\",";
  manifest.erase(manifest.find(type), type.size());
  ASSERT_EQ(registry_.Put(Path("v1"), manifest, std::string(oci::kDockerManifestType)).status, 201);
  EXPECT_EQ(registry_.Get(Path("v1")).content_type, oci::kDockerManifestType);
  ASSERT_EQ(
      registry_.Put(Path("v1"), manifest, std::string(oci::kImageManifestType) + "; charset=utf-8")
          .status,
      201);
  EXPECT_EQ(registry_.Get(Path("v1")).content_type, oci::kImageManifestType);
}

TEST_F(ManifestTest, InvalidManifests) {
  ExpectError(registry_.Put(Path("v1"), "{"), 400, "MANIFEST_INVALID");
  ExpectError(registry_.Put(Path("v1"), ""), 400, "MANIFEST_INVALID");
  ExpectError(registry_.Put(Path("v1"), "[]"), 400, "MANIFEST_INVALID");
  ExpectError(registry_.Put(Path("v1"), "{\"schemaVersion\":1}"), 400, "MANIFEST_INVALID");
  ExpectError(registry_.Put(Path("v1"), Simple(), std::string(oci::kImageIndexType)), 400,
              "MANIFEST_INVALID");
  ExpectError(registry_.Put(Path("v1"), "{\"schemaVersion\":2}", "text/plain"), 400,
              "MANIFEST_INVALID");
  ExpectError(registry_.Put(Path("v1"), std::string(100'000, '[')), 400, "MANIFEST_INVALID");
  ExpectError(registry_.Get(Path("v1")), 404, "MANIFEST_UNKNOWN");
}

TEST_F(ManifestTest, BadReferences) {
  ExpectError(registry_.Get(Path("sha256:totallywrong")), 400, "DIGEST_INVALID");
  ExpectError(registry_.Put(Path("sha256:totallywrong"), Simple()), 400, "DIGEST_INVALID");
  ExpectError(registry_.Put(Path(".dot"), Simple()), 400, "NAME_INVALID");
  ExpectError(registry_.Put(Path(std::string(129, 't')), Simple()), 400, "NAME_INVALID");
  ExpectError(registry_.Put(Path(Digest::Of("other").text()), Simple()), 400, "DIGEST_INVALID");
  ExpectError(registry_.Get(Path("missing")), 404, "MANIFEST_UNKNOWN");
  ExpectError(registry_.Get(Path(Digest::Of("missing").text())), 404, "MANIFEST_UNKNOWN");
  EXPECT_EQ(registry_.Head(Path("missing")).status, 404);
}

TEST_F(ManifestTest, ContentMustBeThere) {
  const TestResponse response =
      registry_.Put(Path("v1"), ManifestJson("no config", {"layer", "no layer"}));
  ExpectError(response, 404, "MANIFEST_BLOB_UNKNOWN");
  EXPECT_THAT(response.body, HasSubstr("config " + Digest::Of("no config").text()));
  EXPECT_THAT(response.body, HasSubstr("layers[1] " + Digest::Of("no layer").text()));
  // Blobs of another repository prove nothing.
  ExpectError(registry_.Put("/v2/default/b/manifests/v1", Simple()), 404, "MANIFEST_BLOB_UNKNOWN");
}

TEST_F(ManifestTest, SizesMustAgree) {
  std::string manifest = Simple();
  const size_t at = manifest.find("\"size\":5");
  manifest.replace(at, 8, "\"size\":6");
  const TestResponse response = registry_.Put(Path("v1"), manifest);
  ExpectError(response, 400, "MANIFEST_INVALID");
  EXPECT_THAT(response.body, HasSubstr("layers[0].size is 6, the content has 5 bytes"));
  // Of the children of an index as well.
  const std::string child = Simple();
  registry_.PushManifest("default/a", Digest::Of(child).text(), child);
  std::string index = IndexJson({child});
  const std::string size = "\"size\":" + std::to_string(child.size());
  index.replace(index.find(size), size.size(), "\"size\":1");
  const TestResponse refused = registry_.Put(Path("index"), index);
  ExpectError(refused, 400, "MANIFEST_INVALID");
  EXPECT_THAT(refused.body, HasSubstr("manifests[0].size is 1"));
}

TEST_F(ManifestTest, AChildStaysWithItsIndex) {
  const std::string child = Simple();
  const Digest digest = registry_.PushManifest("default/a", "child", child);
  const Digest index = registry_.PushManifest("default/a", "index", IndexJson({child}));
  const TestResponse refused = registry_.Delete(Path(digest.text()));
  ExpectError(refused, 405, "DENIED");
  EXPECT_THAT(refused.body, HasSubstr(index.text()));
  EXPECT_EQ(refused.header("Allow"), "GET, HEAD, PUT");
  EXPECT_EQ(registry_.Get(Path("child")).status, 200) << "nothing of it went";
  EXPECT_EQ(registry_.Delete(Path("child")).status, 202) << "a tag is a name";
  // In another repository it belongs to nothing.
  registry_.PushBlob("default/b", "config");
  registry_.PushBlob("default/b", "layer");
  registry_.PushManifest("default/b", "v1", child);
  EXPECT_EQ(registry_.Delete("/v2/default/b/manifests/" + digest.text()).status, 202);
  EXPECT_EQ(registry_.Delete(Path(index.text())).status, 202);
  EXPECT_EQ(registry_.Delete(Path(digest.text())).status, 202);
}

TEST_F(ManifestTest, ALostManifestIsNotPromised) {
  const std::string large =
      Simple("\"annotations\":{\"pad\":\"" + std::string(kMaxInlineBytes, 'p') + "\"}");
  const Digest digest = registry_.PushManifest("default/a", "v1", large);
  ASSERT_TRUE(stores_.objects->Remove(digest).has_value());
  for (const std::string& name : {std::string("v1"), digest.text()}) {
    EXPECT_EQ(registry_.Head(Path(name)).status, 404);
    ExpectError(registry_.Get(Path(name)), 404, "MANIFEST_UNKNOWN");
  }
  ExpectError(registry_.Put(Path("index"), IndexJson({large})), 404, "MANIFEST_BLOB_UNKNOWN");
  registry_.PushManifest("default/a", "v1", large);
  EXPECT_EQ(registry_.Get(Path("v1")).body, large);
}

TEST_F(ManifestTest, AProjectsNameIsAName) {
  for (const std::string& project : {std::string("has.dot"), std::string(64, 'a')}) {
    const TestResponse refused = registry_.Post(
        "/v2/" + project + "/a/blobs/uploads/?digest=" + Digest::Of("x").text(), "x");
    ExpectError(refused, 400, "NAME_INVALID");
  }
}

TEST_F(ManifestTest, NonDistributableLayersMayBeAbsent) {
  const std::string type = "application/vnd.example.layer";
  for (const char* absent : {"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
                             "application/vnd.OCI.image.layer.NonDistributable.v1.tar"}) {
    std::string manifest = ManifestJson("config", {"far away"});
    manifest.replace(manifest.find(type), type.size(), absent);
    EXPECT_EQ(registry_.Put(Path("v1"), manifest).status, 201);
  }
}

TEST_F(ManifestTest, IndexesAndNestedIndexes) {
  const std::string child = Simple();
  ExpectError(registry_.Put(Path("index"), IndexJson({child})), 404, "MANIFEST_BLOB_UNKNOWN");
  registry_.PushManifest("default/a", Digest::Of(child).text(), child);
  const std::string index = IndexJson({child});
  registry_.PushManifest("default/a", "index", index);
  EXPECT_EQ(registry_.Get(Path("index")).content_type, oci::kImageIndexType);
  std::string nested = IndexJson({index});
  registry_.PushManifest("default/a", "nested", nested);
  registry_.PushManifest("default/a", "empty", IndexJson({}));
  EXPECT_EQ(registry_.Get(Path("nested")).body, nested);
}

TEST_F(ManifestTest, SubjectIsAnsweredWhetherItIsThereOrNot) {
  for (const std::string& subject : {std::string("missing"), Simple()}) {
    const std::string member = "\"subject\":{\"mediaType\":\"" +
                               std::string(oci::kImageManifestType) + "\",\"digest\":\"" +
                               Digest::Of(subject).text() + "\",\"size\":7}";
    const TestResponse by_tag = registry_.Put(Path("ref"), Simple(member));
    EXPECT_EQ(by_tag.status, 201) << by_tag.body;
    EXPECT_EQ(by_tag.header("OCI-Subject"), Digest::Of(subject).text());
    const std::string index = IndexJson({}, member);
    const TestResponse by_digest = registry_.Put(Path(Digest::Of(index).text()), index);
    EXPECT_EQ(by_digest.status, 201) << by_digest.body;
    EXPECT_EQ(by_digest.header("OCI-Subject"), Digest::Of(subject).text());
  }
}

TEST_F(ManifestTest, Sha512) {
  const std::string manifest = Simple();
  const Digest digest = Digest::Of(manifest, DigestAlgorithm::kSha512);
  const TestResponse put = registry_.Put(Path(digest.text()) + "?tag=t512", manifest);
  EXPECT_EQ(put.status, 201) << put.body;
  EXPECT_EQ(put.header("Docker-Content-Digest"), digest.text());
  for (const std::string& reference : {digest.text(), std::string("t512")}) {
    const TestResponse get = registry_.Get(Path(reference));
    EXPECT_EQ(get.body, manifest);
    EXPECT_EQ(get.header("Docker-Content-Digest"), digest.text());
  }
  EXPECT_EQ(registry_.Delete(Path(digest.text())).status, 202);
  ExpectError(registry_.Get(Path("t512")), 404, "MANIFEST_UNKNOWN");
}

TEST_F(ManifestTest, TagsOfAPutByDigest) {
  const std::string manifest = Simple();
  std::string query = "?";
  for (int i = 0; i < 12; ++i) query += "tag=t" + std::to_string(i) + "&";
  const TestResponse put = registry_.Put(Path(Digest::Of(manifest).text()) + query, manifest);
  EXPECT_EQ(put.status, 201);
  EXPECT_EQ(put.headers.count("OCI-Tag"), 12u);
  EXPECT_EQ(registry_.Get(Path("t11")).body, manifest);
  ExpectError(registry_.Put(Path(Digest::Of(manifest).text()) + "?tag=-bad", manifest), 400,
              "NAME_INVALID");
  std::string many = "?";
  for (size_t i = 0; i <= kMaxTagsPerPut; ++i) many += "tag=m" + std::to_string(i) + "&";
  ExpectError(registry_.Put(Path(Digest::Of(manifest).text()) + many, manifest), 400,
              "NAME_INVALID");
}

TEST_F(ManifestTest, TagMoves) {
  const std::string one = Simple("\"annotations\":{\"n\":\"1\"}");
  const std::string two = Simple("\"annotations\":{\"n\":\"2\"}");
  registry_.PushManifest("default/a", "latest", one);
  registry_.PushManifest("default/a", "latest", two);
  EXPECT_EQ(registry_.Get(Path("latest")).body, two);
  EXPECT_EQ(registry_.Get(Path(Digest::Of(one).text())).body, one);
  // The tag no longer belongs to the first: deleting that leaves it.
  EXPECT_EQ(registry_.Delete(Path(Digest::Of(one).text())).status, 202);
  EXPECT_EQ(registry_.Get(Path("latest")).body, two);
}

TEST_F(ManifestTest, DeleteOfATagLeavesTheManifest) {
  const Digest digest = registry_.PushManifest("default/a", "v1", Simple());
  EXPECT_EQ(registry_.Delete(Path("v1")).status, 202);
  ExpectError(registry_.Get(Path("v1")), 404, "MANIFEST_UNKNOWN");
  ExpectError(registry_.Delete(Path("v1")), 404, "MANIFEST_UNKNOWN");
  EXPECT_EQ(registry_.Get(Path(digest.text())).status, 200);
}

TEST_F(ManifestTest, DeleteOfAManifestTakesItsTags) {
  const std::string manifest = Simple();
  const Digest digest = registry_.PushManifest("default/a", "v1", manifest);
  registry_.PushManifest("default/a", "v2", manifest);
  EXPECT_EQ(registry_.Delete(Path(digest.text())).status, 202);
  for (const std::string& reference : {std::string("v1"), std::string("v2"), digest.text()}) {
    ExpectError(registry_.Get(Path(reference)), 404, "MANIFEST_UNKNOWN");
  }
  ExpectError(registry_.Delete(Path(digest.text())), 404, "MANIFEST_UNKNOWN");
  // Pushing it again works.
  registry_.PushManifest("default/a", "v1", manifest);
  EXPECT_EQ(registry_.Delete(Path(digest.text())).status, 202);
}

TEST_F(ManifestTest, BlobsOfAManifestStay) {
  const std::string layer = "/v2/default/a/blobs/" + Digest::Of("layer").text();
  // One in the database and one that is a file, which both name the layer.
  const Digest small = registry_.PushManifest("default/a", "v1", Simple());
  const Digest large = registry_.PushManifest(
      "default/a", "v2",
      Simple("\"annotations\":{\"n\":\"" + std::string(kMaxInlineBytes, 'n') + "\"}"));
  for (const Digest& user : {small, large}) {
    const TestResponse refused = registry_.Delete(layer);
    ExpectError(refused, 405, "DENIED");
    EXPECT_EQ(refused.header("Allow"), "GET, HEAD");
    EXPECT_TRUE(refused.body.find(small.text()) != std::string::npos ||
                refused.body.find(large.text()) != std::string::npos)
        << refused.body;
    EXPECT_EQ(registry_.Get(layer).status, 200);
    EXPECT_EQ(registry_.Delete(Path(user.text())).status, 202);
  }
  EXPECT_EQ(registry_.Delete(layer).status, 202);
  ExpectError(registry_.Delete(layer), 404, "BLOB_UNKNOWN");
}

TEST_F(ManifestTest, ResolveTagReadsWhatIsCommitted) {
  const Digest digest = registry_.PushManifest("default/a", "v1", Simple());
  ASSERT_TRUE(stores_.meta->ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
    TRY(long_name, ResolveTag(snapshot, "default/a", "v1"));
    EXPECT_EQ(long_name, digest);
    TRY(short_name, ResolveTag(snapshot, "a", "v1"));
    EXPECT_EQ(short_name, digest);
    TRY(missing, ResolveTag(snapshot, "a", "v2"));
    EXPECT_EQ(missing, std::nullopt);
    return {};
  }));
}

TEST_F(ManifestTest, SamePushChangesNothing) {
  const std::string manifest = Simple();
  registry_.PushManifest("default/a", "v1", manifest);
  const auto all_rows = [&] {
    std::vector<store::KeyValue> rows;
    EXPECT_TRUE(stores_.meta->ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
      TRY(found, snapshot.Scan("", "", 100'000));
      rows = std::move(found);
      return {};
    }));
    std::string text;
    for (const store::KeyValue& row : rows) text += row.key + "=" + row.value + "\n";
    return text;
  };
  const std::string before = all_rows();
  stores_.clock.Advance(std::chrono::seconds(5));
  registry_.PushManifest("default/a", "v1", manifest);
  registry_.PushBlob("default/a", "layer");
  EXPECT_EQ(all_rows(), before);
}

}  // namespace
}  // namespace slipway::registry
