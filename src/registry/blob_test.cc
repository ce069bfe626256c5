#include <gtest/gtest.h>

#include "registry/content.h"
#include "registry/limits.h"
#include "registry/testing/registry_fixture.h"

namespace slipway::registry {
namespace {

class BlobTest : public ::testing::Test {
 protected:
  TestResponse GetRange(const std::string& target, const std::string& range) {
    return registry_.Send({.target = target, .headers = {{"Range", range}}});
  }
  std::string Path(const Digest& digest, const std::string& repository = "default/a") {
    return "/v2/" + repository + "/blobs/" + digest.text();
  }
  TestResponse Mount(const std::string& repository, const Digest& digest,
                     const std::string& more = "") {
    return registry_.Post("/v2/" + repository + "/blobs/uploads/?mount=" + digest.text() + more);
  }

  RegistryStores stores_;
  RegistryFixture registry_{stores_};
};

TEST_F(BlobTest, VersionCheck) {
  EXPECT_EQ(registry_.Get("/v2/").status, 200);
  EXPECT_EQ(registry_.Get("/v2/").body, "{}");
  EXPECT_EQ(registry_.Get("/v2").status, 200);
}

TEST_F(BlobTest, MissingBlob) {
  const std::string path = Path(Digest::Of("nowhere"));
  const TestResponse response = registry_.Get(path);
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.error_code(), "BLOB_UNKNOWN");
  EXPECT_EQ(registry_.Head(path).status, 404);
  EXPECT_EQ(registry_.Delete(path).error_code(), "BLOB_UNKNOWN");
}

TEST_F(BlobTest, MalformedDigest) {
  const TestResponse response = registry_.Get("/v2/default/a/blobs/sha256:totallywrong");
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.error_code(), "DIGEST_INVALID");
  EXPECT_EQ(response.content_type, "application/json");
}

TEST_F(BlobTest, InvalidName) {
  const TestResponse response = registry_.Get("/v2/Default/A/blobs/" + Digest::Of("x").text());
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.error_code(), "NAME_INVALID");
}

TEST_F(BlobTest, WhatIsLostIsNotPromised) {
  const std::string content(kMaxInlineBytes + 1, 'b');
  const Digest digest = registry_.PushBlob("default/a", content);
  registry_.PushBlob("default/a", "config");
  EXPECT_EQ(registry_.Head(Path(digest)).status, 200);
  ASSERT_TRUE(stores_.objects->Remove(digest).has_value());
  stores_.clock.Advance(kFileSeenFor);
  EXPECT_EQ(registry_.Head(Path(digest)).status, 404);
  const TestResponse get = registry_.Get(Path(digest));
  EXPECT_EQ(get.status, 404);
  EXPECT_EQ(get.error_code(), "BLOB_UNKNOWN");
  EXPECT_NE(get.body.find("push the same content again"), std::string::npos) << get.body;
  EXPECT_EQ(Mount("default/b", digest, "&from=default/a").status, 202);
  const std::string manifest = ManifestJson("config", {content});
  const TestResponse refused = registry_.Put("/v2/default/a/manifests/v1", manifest);
  EXPECT_EQ(refused.error_code(), "MANIFEST_BLOB_UNKNOWN") << refused.body;
  // It heals without a scrub, and for all who have it.
  registry_.PushBlob("default/c", content);
  EXPECT_EQ(registry_.Head(Path(digest)).status, 200);
  EXPECT_EQ(registry_.Get(Path(digest)).body, content);
  EXPECT_EQ(Mount("default/b", digest, "&from=default/a").status, 201);
  EXPECT_EQ(registry_.Put("/v2/default/a/manifests/v1", manifest).status, 201);
}

TEST_F(BlobTest, HeadSaysWhatGetSays) {
  for (const size_t size : {size_t{0}, size_t{100}, size_t{kMaxInlineBytes + 1}}) {
    const Digest digest = registry_.PushBlob("default/a", std::string(size, 'b'));
    const TestResponse head = registry_.Head(Path(digest));
    const TestResponse get = registry_.Get(Path(digest));
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.declared_length, size);
    EXPECT_EQ(head.body, "");
    EXPECT_EQ(head.content_type, get.content_type);
    EXPECT_EQ(head.header("Docker-Content-Digest"), digest.text());
    EXPECT_EQ(get.header("Docker-Content-Digest"), digest.text());
    EXPECT_EQ(get.body.size(), size);
  }
}

TEST_F(BlobTest, Ranges) {
  for (const size_t size : {size_t{2'000}, size_t{kMaxInlineBytes + 2'000}}) {
    std::string content(size, '\0');
    for (size_t i = 0; i < size; ++i) content[i] = static_cast<char>(i * 7 % 251);
    const std::string path = Path(registry_.PushBlob("default/a", content));
    const std::string total = "/" + std::to_string(size);

    TestResponse response = GetRange(path, "bytes=500-1499");
    EXPECT_EQ(response.status, 206);
    EXPECT_EQ(response.body, content.substr(500, 1000));
    EXPECT_EQ(response.header("Content-Range"), "bytes 500-1499" + total);

    response = GetRange(path, "bytes=500-");
    EXPECT_EQ(response.body, content.substr(500));
    response = GetRange(path, "bytes=-500");
    EXPECT_EQ(response.body, content.substr(size - 500));
    response = GetRange(path, "bytes=500-9999999");
    EXPECT_EQ(response.status, 206);
    EXPECT_EQ(response.header("Content-Range"), "bytes 500-" + std::to_string(size - 1) + total);

    for (const char* bad : {"bytes=500-0", "bytes=9999999-"}) {
      response = GetRange(path, bad);
      EXPECT_EQ(response.status, 416) << bad;
      EXPECT_EQ(response.header("Content-Range"), "bytes */" + std::to_string(size));
      EXPECT_EQ(response.error_code(), "SIZE_INVALID");
    }
    EXPECT_EQ(GetRange(path, "bytes=1-2,5-6").status, 200);
  }
}

TEST_F(BlobTest, IfRange) {
  const Digest digest = registry_.PushBlob("default/a", "0123456789");
  const auto get = [&](const std::string& condition) {
    return registry_.Send(
        {.target = Path(digest), .headers = {{"Range", "bytes=0-1"}, {"If-Range", condition}}});
  };
  EXPECT_EQ(get("\"" + digest.text() + "\"").status, 206);
  EXPECT_EQ(get("\"another\"").status, 200);
}

TEST_F(BlobTest, WhatTheClientHasIsNotSentAgain) {
  const Digest digest = registry_.PushBlob("default/a", "0123456789");
  const std::string tag = "\"" + digest.text() + "\"";
  const auto get = [&](const std::string& condition) {
    return registry_.Send({.target = Path(digest), .headers = {{"If-None-Match", condition}}});
  };
  for (const std::string& condition :
       {tag, "W/" + tag, "\"a,b\", " + tag + " ,\"c\"", std::string("*")}) {
    const TestResponse response = get(condition);
    EXPECT_EQ(response.status, 304) << condition;
    EXPECT_EQ(response.body, "");
    EXPECT_EQ(response.header("ETag"), tag);
  }
  EXPECT_EQ(get("\"another\"").status, 200);
  EXPECT_EQ(get("").status, 200);
  EXPECT_EQ(get(digest.text()).status, 200) << "a tag has quotes";
}

TEST_F(BlobTest, NameOfOneSegmentBelongsToDefault) {
  const Digest digest = registry_.PushBlob("magika", "content");
  EXPECT_EQ(registry_.Get(Path(digest, "magika")).status, 200);
  EXPECT_EQ(registry_.Get(Path(digest, "default/magika")).status, 200);
}

TEST_F(BlobTest, ExistenceIsOfOneRepository) {
  const Digest digest = registry_.PushBlob("default/a", "content");
  EXPECT_EQ(registry_.Get(Path(digest, "default/b")).status, 404);
}

TEST_F(BlobTest, MountFromARepository) {
  for (const size_t size : {size_t{10}, size_t{kMaxInlineBytes + 1}}) {
    const std::string content(size, 'm');
    const Digest digest = registry_.PushBlob("default/a", content);
    const TestResponse mounted = Mount("default/b", digest, "&from=default/a&origin=127.0.0.1:1");
    EXPECT_EQ(mounted.status, 201);
    EXPECT_EQ(mounted.header("Location"), Path(digest, "default/b"));
    EXPECT_EQ(mounted.header("Docker-Content-Digest"), digest.text());
    EXPECT_EQ(registry_.Get(Path(digest, "default/b")).body, content);
  }
}

TEST_F(BlobTest, MountWithoutFrom) {
  const Digest digest = registry_.PushBlob("default/a", "content");
  EXPECT_EQ(Mount("other/b", digest).status, 201);
  EXPECT_EQ(registry_.Get(Path(digest, "other/b")).status, 200);
}

TEST_F(BlobTest, MountOfWhatIsNotThereOpensAnUpload) {
  const Digest digest = Digest::Of("never pushed");
  for (const char* from : {"", "&from=default/a", "&from=no/such", "&from=Not%20A%20Name"}) {
    const TestResponse response = Mount("default/b", digest, from);
    EXPECT_EQ(response.status, 202) << from;
    const TestResponse put =
        registry_.Put(response.header("Location") + "?digest=" + digest.text(), "never pushed");
    EXPECT_EQ(put.status, 201);
    ASSERT_EQ(registry_.Delete(Path(digest, "default/b")).status, 202);
  }
}

TEST_F(BlobTest, MountNeedsThatTheCallerMayPull) {
  const Digest digest = registry_.PushBlob("secret/a", "content");
  registry_.PushBlob("open/x", "other");
  registry_.As(EditorOf("open"));
  EXPECT_EQ(Mount("open/b", digest, "&from=secret/a").status, 202);
  EXPECT_EQ(Mount("open/b", digest).status, 202);
  EXPECT_EQ(registry_.Get(Path(digest, "open/b")).status, 404);
  Identity both = EditorOf("open");
  both.grants.push_back({.role = Role::kViewer, .project = "secret"});
  registry_.As(both);
  EXPECT_EQ(Mount("open/b", digest).status, 201);
}

TEST_F(BlobTest, MalformedMount) {
  const TestResponse response =
      registry_.Post("/v2/default/b/blobs/uploads/?mount=sha256:xyz&from=default/a");
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.error_code(), "DIGEST_INVALID");
}

TEST_F(BlobTest, DeleteOfAMountedBlobLeavesTheOther) {
  const Digest digest = registry_.PushBlob("default/a", "content");
  ASSERT_EQ(Mount("default/b", digest, "&from=default/a").status, 201);
  EXPECT_EQ(registry_.Delete(Path(digest, "default/b")).status, 202);
  EXPECT_EQ(registry_.Get(Path(digest, "default/b")).status, 404);
  EXPECT_EQ(registry_.Delete(Path(digest, "default/b")).status, 404);
  EXPECT_EQ(registry_.Get(Path(digest, "default/a")).status, 200);
  EXPECT_EQ(Mount("default/b", digest).status, 201);
  EXPECT_EQ(registry_.Delete(Path(digest, "default/a")).status, 202);
  EXPECT_EQ(registry_.Delete(Path(digest, "default/b")).status, 202);
  EXPECT_EQ(Mount("default/b", digest).status, 202);
}

TEST_F(BlobTest, Sha512IsAnAliasOfTheSameBytes) {
  const std::string content(kMaxInlineBytes + 1, 's');
  const Digest sha512 = registry_.PushBlob("default/a", content, DigestAlgorithm::kSha512);
  EXPECT_EQ(registry_.Get(Path(sha512)).header("Docker-Content-Digest"), sha512.text());
  // The repository was given the content under one name only.
  EXPECT_EQ(registry_.Get(Path(Digest::Of(content))).status, 404);
  const auto source = MakeRegistryContent(*stores_.meta, *stores_.objects);
  const auto bytes = oci::ReadContent(*source, sha512, 1 << 20);
  ASSERT_TRUE(bytes.has_value()) << bytes.error().ToString();
  EXPECT_EQ(*bytes, content);
}

TEST_F(BlobTest, ContentSourceReadsBothPlaces) {
  const auto source = MakeRegistryContent(*stores_.meta, *stores_.objects);
  for (const size_t size : {size_t{10}, size_t{kMaxInlineBytes + 1}}) {
    const std::string content(size, 'c');
    const Digest digest = registry_.PushBlob("default/a", content);
    const auto bytes = oci::ReadContent(*source, digest, 1 << 20);
    ASSERT_TRUE(bytes.has_value()) << bytes.error().ToString();
    EXPECT_EQ(*bytes, content);
  }
  const auto missing = source->Open(Digest::Of("missing"));
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().reason(), "BLOB_UNKNOWN");
  const auto missing_alias = source->Open(Digest::Of("missing", DigestAlgorithm::kSha512));
  EXPECT_EQ(missing_alias.error().reason(), "BLOB_UNKNOWN");
}

TEST_F(BlobTest, WrongMethodSaysWhichAreRight) {
  const TestResponse response = registry_.Post(Path(Digest::Of("x")));
  EXPECT_EQ(response.status, 405);
  EXPECT_EQ(response.error_code(), "UNSUPPORTED");
  EXPECT_NE(response.header("Allow").find("GET"), std::string::npos);
  const TestResponse unknown = registry_.Get("/v2/default/a/nothing");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.content_type, "application/json");
}

}  // namespace
}  // namespace slipway::registry
