#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "registry/limits.h"
#include "registry/testing/registry_fixture.h"

namespace slipway::registry {
namespace {

using ::testing::StartsWith;

constexpr net::Method kPatch = net::Method::kPatch;
constexpr net::Method kPut = net::Method::kPut;

std::string Content(size_t size) {
  std::string content(size, '\0');
  uint32_t state = 1;
  for (char& c : content) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return content;
}

class UploadTest : public ::testing::TestWithParam<DigestAlgorithm> {
 protected:
  std::string Begin() {
    const TestResponse response = registry_.Post("/v2/default/a/blobs/uploads/");
    EXPECT_EQ(response.status, 202);
    EXPECT_EQ(response.header("Range"), "0-0");
    return response.header("Location");
  }
  TestResponse Patch(const std::string& location, const std::string& body,
                     const std::string& range = "") {
    TestRequest request{.method = kPatch, .target = location, .body = body};
    if (!range.empty()) request.headers.emplace_back("Content-Range", range);
    return registry_.Send(request);
  }
  TestResponse Close(const std::string& location, const Digest& digest,
                     const std::string& body = "", const std::string& range = "") {
    TestRequest request{
        .method = kPut, .target = location + "?digest=" + digest.text(), .body = body};
    if (!range.empty()) request.headers.emplace_back("Content-Range", range);
    return registry_.Send(request);
  }
  void ExpectBlob(const TestResponse& created, const Digest& digest, const std::string& content) {
    EXPECT_EQ(created.status, 201) << created.body;
    EXPECT_EQ(created.header("Location"), "/v2/default/a/blobs/" + digest.text());
    EXPECT_EQ(created.header("Docker-Content-Digest"), digest.text());
    const TestResponse read = registry_.Get(created.header("Location"));
    EXPECT_EQ(read.status, 200);
    EXPECT_EQ(read.body, content);
    EXPECT_EQ(read.header("Docker-Content-Digest"), digest.text());
  }

  RegistryStores stores_;
  RegistryFixture registry_{stores_};
};

// Empty, small enough for the database, one byte more, and more than one piece.
const size_t kSizes[] = {
    0, 1, 5'000, kMaxInlineBytes, kMaxInlineBytes + 1, 2 * kUploadPieceBytes + 17};

TEST_P(UploadTest, PostAtOnce) {
  for (const size_t size : kSizes) {
    const std::string content = Content(size);
    const Digest digest = Digest::Of(content, GetParam());
    ExpectBlob(registry_.Post("/v2/default/a/blobs/uploads/?digest=" + digest.text(), content),
               digest, content);
  }
}

TEST_P(UploadTest, PostThenPut) {
  for (const size_t size : kSizes) {
    const std::string content = Content(size);
    const Digest digest = Digest::Of(content, GetParam());
    ExpectBlob(Close(Begin(), digest, content), digest, content);
  }
}

TEST_P(UploadTest, StreamedPatch) {
  for (const size_t size : kSizes) {
    const std::string content = Content(size);
    const Digest digest = Digest::Of(content, GetParam());
    const std::string location = Begin();
    const TestResponse patched =
        registry_.Send({.method = kPatch, .target = location, .body = content, .chunked = true});
    EXPECT_EQ(patched.status, 202);
    EXPECT_EQ(patched.header("Range"), "0-" + std::to_string(size == 0 ? 0 : size - 1));
    ExpectBlob(Close(patched.header("Location"), digest), digest, content);
  }
}

TEST_P(UploadTest, ChunksOfUnevenSizeAndTheLastInPut) {
  const std::string content = Content(100'000);
  const Digest digest = Digest::Of(content, GetParam());
  const size_t step = content.size() / 3 + 1;
  std::string location = Begin();
  for (size_t at = 0; at + step < content.size(); at += step) {
    const TestResponse patched = Patch(location, content.substr(at, step),
                                       std::to_string(at) + "-" + std::to_string(at + step - 1));
    ASSERT_EQ(patched.status, 202) << patched.body;
    EXPECT_EQ(patched.header("Range"), "0-" + std::to_string(at + step - 1));
    location = patched.header("Location");
  }
  ExpectBlob(Close(location, digest, content.substr(2 * step),
                   std::to_string(2 * step) + "-" + std::to_string(content.size() - 1)),
             digest, content);
}

TEST_P(UploadTest, WrongDigestIsRefusedInEveryForm) {
  const Digest wrong = Digest::Of("something else", GetParam());
  for (const size_t size : {size_t{0}, size_t{5'000}, size_t{100'000}}) {
    const std::string content = Content(size);
    const TestResponse at_once =
        registry_.Post("/v2/default/a/blobs/uploads/?digest=" + wrong.text(), content);
    const TestResponse put = Close(Begin(), wrong, content);
    const std::string patched = Begin();
    Patch(patched, content);
    const std::string chunked = Begin();
    if (size > 0) Patch(chunked, content, "0-" + std::to_string(size - 1));
    const std::string last_in_put = Begin();
    const size_t half = size / 2;
    if (half > 0) Patch(last_in_put, content.substr(0, half), "0-" + std::to_string(half - 1));
    for (const TestResponse& response : {at_once, put, Close(patched, wrong), Close(chunked, wrong),
                                         Close(last_in_put, wrong, content.substr(half))}) {
      EXPECT_EQ(response.status, 400);
      EXPECT_EQ(response.error_code(), "DIGEST_INVALID");
      EXPECT_EQ(response.content_type, "application/json");
    }
  }
  EXPECT_EQ(registry_.Head("/v2/default/a/blobs/" + wrong.text()).status, 404);
}

INSTANTIATE_TEST_SUITE_P(Algorithms, UploadTest,
                         ::testing::Values(DigestAlgorithm::kSha256, DigestAlgorithm::kSha512),
                         [](const auto& info) {
                           return info.param == DigestAlgorithm::kSha256 ? "Sha256" : "Sha512";
                         });

using UploadSessionRouteTest = UploadTest;
INSTANTIATE_TEST_SUITE_P(Once, UploadSessionRouteTest, ::testing::Values(DigestAlgorithm::kSha256));

TEST_P(UploadSessionRouteTest, OutOfOrderChunkLeavesTheSessionUsable) {
  const std::string content = Content(3'000);
  const Digest digest = Digest::Of(content);
  const std::string first = Begin();
  ASSERT_EQ(Patch(first, content.substr(0, 1000), "0-999").status, 202);
  // Ahead, an earlier one again, and as the closing PUT.
  for (const TestResponse& response : {Patch(first, content.substr(2000), "2000-2999"),
                                       Patch(first, content.substr(0, 1000), "0-999"),
                                       Close(first, digest, content.substr(2000), "2000-2999")}) {
    EXPECT_EQ(response.status, 416);
    EXPECT_EQ(response.error_code(), "BLOB_UPLOAD_INVALID");
    EXPECT_EQ(response.header("Range"), "0-999");
    EXPECT_THAT(response.header("Location"), StartsWith("/v2/default/a/blobs/uploads/"));
  }
  const TestResponse status = registry_.Get(first);
  EXPECT_EQ(status.status, 204);
  EXPECT_EQ(status.header("Range"), "0-999");
  const TestResponse next = Patch(status.header("Location"), content.substr(1000), "1000-2999");
  EXPECT_EQ(next.status, 202) << next.body;
  ExpectBlob(Close(first, digest), digest, content);
}

TEST_P(UploadSessionRouteTest, ContentRangeMustFitTheBody) {
  const std::string location = Begin();
  const TestResponse malformed = Patch(location, "abc", "x-y");
  EXPECT_EQ(malformed.status, 400);
  EXPECT_EQ(malformed.error_code(), "BLOB_UPLOAD_INVALID");
  const TestResponse longer = Patch(location, "abc", "0-9");
  EXPECT_EQ(longer.status, 400);
  EXPECT_EQ(longer.error_code(), "SIZE_INVALID");
  const TestResponse chunked = registry_.Send({.method = kPatch,
                                               .target = location,
                                               .headers = {{"Content-Range", "0-1"}},
                                               .body = "abc",
                                               .chunked = true});
  EXPECT_EQ(chunked.status, 400);
  EXPECT_EQ(chunked.error_code(), "SIZE_INVALID");
  EXPECT_EQ(registry_.Get(location).header("Range"), "0-0");
}

TEST_P(UploadSessionRouteTest, InterruptedPatchKeepsWhatCame) {
  const std::string content = Content(10'000);
  const Digest digest = Digest::Of(content);
  const std::string location = Begin();
  registry_.Send({.method = kPatch, .target = location, .body = content, .break_after = 4'321});
  const TestResponse status = registry_.Get(location);
  EXPECT_EQ(status.status, 204);
  EXPECT_EQ(status.header("Range"), "0-4320");
  ASSERT_EQ(Patch(location, content.substr(4'321), "4321-9999").status, 202);
  ExpectBlob(Close(location, digest), digest, content);
}

TEST_P(UploadSessionRouteTest, SessionIsFoundAgainAfterARestart) {
  const std::string content = Content(200'000);
  const Digest digest = Digest::Of(content);
  const std::string location = Begin();
  ASSERT_EQ(Patch(location, content.substr(0, 50'000)).status, 202);
  RegistryFixture restarted(stores_);
  EXPECT_EQ(restarted.Get(location).header("Range"), "0-49999");
  const TestResponse closed =
      restarted.Put(location + "?digest=" + digest.text(), content.substr(50'000));
  EXPECT_EQ(closed.status, 201) << closed.body;
  EXPECT_EQ(restarted.Get("/v2/default/a/blobs/" + digest.text()).body, content);
}

TEST_P(UploadSessionRouteTest, SessionBelongsToItsSubjectAndRepository) {
  registry_.As(AdminOfAll("token/one"));
  const std::string location = Begin();
  std::string elsewhere = location;
  elsewhere.replace(elsewhere.find("default/a"), 9, "default/b");
  const auto expect_unknown = [](const TestResponse& response) {
    EXPECT_EQ(response.status, 404);
    EXPECT_EQ(response.error_code(), "BLOB_UPLOAD_UNKNOWN");
  };
  expect_unknown(registry_.Get(elsewhere));
  registry_.As(AdminOfAll("token/two"));
  expect_unknown(registry_.Get(location));
  expect_unknown(Patch(location, "x"));
  expect_unknown(Close(location, Digest::Of("x"), "x"));
  expect_unknown(registry_.Delete(location));
  registry_.As(AdminOfAll("token/one"));
  EXPECT_EQ(registry_.Get(location).status, 204);
}

TEST_P(UploadSessionRouteTest, CancelEndsTheSession) {
  const std::string location = Begin();
  ASSERT_EQ(Patch(location, "abc").status, 202);
  EXPECT_EQ(registry_.Delete(location).status, 204);
  EXPECT_EQ(registry_.Get(location).status, 404);
  EXPECT_EQ(registry_.Delete(location).error_code(), "BLOB_UPLOAD_UNKNOWN");
  EXPECT_EQ(Close(location, Digest::Of("abc")).error_code(), "BLOB_UPLOAD_UNKNOWN");
}

TEST_P(UploadSessionRouteTest, PutNeedsADigest) {
  const std::string location = Begin();
  const TestResponse missing = registry_.Put(location, "abc");
  EXPECT_EQ(missing.status, 400);
  EXPECT_EQ(missing.error_code(), "DIGEST_INVALID");
  EXPECT_EQ(registry_.Put(location + "?digest=md5:abc", "abc").error_code(), "DIGEST_INVALID");
  EXPECT_EQ(registry_.Get(location).status, 204);
}

TEST_P(UploadSessionRouteTest, UnsupportedAlgorithm) {
  const TestResponse response = registry_.Post("/v2/default/a/blobs/uploads/?digest-algorithm=md5");
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.error_code(), "DIGEST_INVALID");
  EXPECT_EQ(registry_.Post("/v2/default/a/blobs/uploads/?digest-algorithm=sha512").status, 202);
}

TEST_P(UploadSessionRouteTest, BrokenUploadAtOnceLeavesNothing) {
  const std::string content = Content(3 * kMaxInlineBytes);
  const Digest digest = Digest::Of(content);
  const TestResponse response =
      registry_.Send({.method = net::Method::kPost,
                      .target = "/v2/default/a/blobs/uploads/?digest=" + digest.text(),
                      .body = content,
                      .break_after = 2 * kMaxInlineBytes});
  EXPECT_EQ(response.status, 499);
  EXPECT_EQ(registry_.Head("/v2/default/a/blobs/" + digest.text()).status, 404);
  const auto removed = stores_.objects->RemoveStaleUploads(UINT64_MAX);
  EXPECT_EQ(*removed, 0u);
}

TEST_P(UploadSessionRouteTest, FinishedSmallUploadLeavesNoSpool) {
  const std::string location = Begin();
  ASSERT_EQ(Patch(location, "abc").status, 202);
  ASSERT_EQ(Close(location, Digest::Of("abc")).status, 201);
  EXPECT_EQ(*stores_.objects->RemoveStaleUploads(UINT64_MAX), 0u);
}

}  // namespace
}  // namespace slipway::registry
