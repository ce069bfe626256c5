#include "store/testing/object_store_contract.h"

#include <algorithm>
#include <thread>

#include "base/clock.h"
#include "base/random.h"
#include "base/testing/result_matchers.h"

namespace slipway::store {

std::string SomeBytes(size_t size, uint64_t seed) {
  std::string bytes(size, '\0');
  MakeSeededRandom(seed)->Fill(std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

ObjectStoreMaker::ObjectStoreMaker(Make function) : make(function) {}

std::string ObjectStoreContract::Get(const Digest& digest) {
  Result<std::string> content = GetObject(store(), digest, 1 << 30);
  EXPECT_THAT(content, IsOk());
  return content ? *content : std::string();
}

std::vector<Digest> ObjectStoreContract::All() {
  std::vector<Digest> found;
  EXPECT_THAT(ForEachObject(store(),
                            [&](const Digest& digest, const ObjectInfo&) -> Result<void> {
                              found.push_back(digest);
                              return {};
                            }),
              IsOk());
  std::sort(found.begin(), found.end());
  return found;
}

std::unique_ptr<Upload> ObjectStoreContract::UploadOf(std::string_view content) {
  auto upload = store().Begin();
  EXPECT_THAT(upload, IsOk());
  EXPECT_THAT((*upload)->Append(content), IsOk());
  return std::move(*upload);
}

namespace {

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ObjectStoreContract);

TEST_P(ObjectStoreContract, KeepsWhatWasPut) {
  for (const size_t size : {0, 1, 4096, 65537, 3'000'001}) {
    const std::string content = SomeBytes(size, size);
    const auto digest = PutObject(store(), content);
    ASSERT_THAT(digest, IsOk());
    EXPECT_EQ(*digest, Digest::Of(content));
    EXPECT_EQ(Get(*digest), content);
    EXPECT_EQ(store().Info(*digest)->size_bytes, size);
  }
}

TEST_P(ObjectStoreContract, TakesAppendsOfAnySize) {
  const std::string content = SomeBytes(300'000, 7);
  auto upload = UploadOf("");
  for (size_t at = 0, size = 1; at < content.size(); at += size, size = size * 3 % 70'001 + 1) {
    ASSERT_THAT(upload->Append(std::string_view(content).substr(at, size)), IsOk());
  }
  EXPECT_EQ(upload->size_bytes(), content.size());
  const auto digest = store().Commit(std::move(upload), Digest::Of(content));
  ASSERT_THAT(digest, IsOk());
  EXPECT_EQ(Get(*digest), content);
}

TEST_P(ObjectStoreContract, PutsTheSameContentOnce) {
  const auto first = PutObject(store(), "same");
  const auto inode = store().Info(*first)->inode;
  const auto second = PutObject(store(), "same");
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(*first, *second);
  EXPECT_EQ(store().Info(*second)->inode, inode);
  EXPECT_EQ(All(), std::vector<Digest>{*first});
}

TEST_P(ObjectStoreContract, VerifiesSha256AndSha512) {
  for (const auto algorithm : {DigestAlgorithm::kSha256, DigestAlgorithm::kSha512}) {
    const auto digest = store().Commit(UploadOf("content"), Digest::Of("content", algorithm));
    ASSERT_THAT(digest, IsOk());
    EXPECT_EQ(*digest, Digest::Of("content"));
  }
}

TEST_P(ObjectStoreContract, PublishesNothingThatDiffersFromItsDigest) {
  for (const auto algorithm : {DigestAlgorithm::kSha256, DigestAlgorithm::kSha512}) {
    auto upload = UploadOf("content");
    const std::string id = upload->id();
    EXPECT_THAT(store().Commit(std::move(upload), Digest::Of("other", algorithm)),
                IsError(Code::kInvalidArgument, "DIGEST_MISMATCH"));
    EXPECT_THAT(store().Resume(id), IsError(Code::kNotFound, "UPLOAD_UNKNOWN"));
  }
  EXPECT_TRUE(All().empty());
}

TEST_P(ObjectStoreContract, ResumesWhereAnUploadWasLeft) {
  auto upload = UploadOf("one ");
  const std::string id = upload->id();
  ASSERT_THAT(upload->Sync(), IsOk());
  ASSERT_THAT(upload->Append("two "), IsOk());
  upload.reset();
  auto again = store().Resume(id);
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ((*again)->id(), id);
  EXPECT_EQ((*again)->size_bytes(), 8u);
  ASSERT_THAT((*again)->Append("three"), IsOk());
  const auto digest = store().Commit(std::move(*again), Digest::Of("one two three"));
  ASSERT_THAT(digest, IsOk());
  EXPECT_EQ(Get(*digest), "one two three");
}

TEST_P(ObjectStoreContract, RefusesUploadsThatItDoesNotKnow) {
  const std::string ended = UploadOf("x")->id();
  ASSERT_THAT(store().Abort(ended), IsOk());
  for (const std::string& id : {ended, std::string(), std::string("../blobs"), std::string(32, 'A'),
                                std::string(32, '0'), std::string("../../../../../../etc/passwd"),
                                std::string(32, '/'), std::string(5000, 'a')}) {
    EXPECT_THAT(store().Resume(id), IsError(Code::kNotFound, "UPLOAD_UNKNOWN")) << id;
    EXPECT_THAT(store().Abort(id), IsError(Code::kNotFound, "UPLOAD_UNKNOWN")) << id;
  }
}

TEST_P(ObjectStoreContract, LetsOneWriterHaveAnUpload) {
  auto upload = UploadOf("mine");
  const std::string id = upload->id();
  EXPECT_THAT(store().Resume(id), IsError(Code::kAborted, "UPLOAD_BUSY"));
  upload.reset();
  EXPECT_THAT(store().Resume(id), IsOk());
}

TEST_P(ObjectStoreContract, PublishesNothingThatWasGivenUp) {
  auto upload = UploadOf("given up");
  ASSERT_THAT(store().Abort(upload->id()), IsOk());
  EXPECT_THAT(store().Commit(std::move(upload), std::nullopt),
              IsError(Code::kNotFound, "UPLOAD_UNKNOWN"));
  EXPECT_TRUE(All().empty());
}

TEST_P(ObjectStoreContract, RefusesObjectsThatItDoesNotHave) {
  ASSERT_THAT(PutObject(store(), "content"), IsOk());
  const Digest other = Digest::Of("other");
  // Present content under its sha512 is unknown too: such names are aliases, kept elsewhere.
  const Digest sha512 = Digest::Of("content", DigestAlgorithm::kSha512);
  for (const Digest& digest : {other, sha512}) {
    EXPECT_THAT(store().Info(digest), IsError(Code::kNotFound, "BLOB_UNKNOWN"));
    EXPECT_THAT(store().Open(digest), IsError(Code::kNotFound, "BLOB_UNKNOWN"));
    EXPECT_THAT(store().Remove(digest), IsError(Code::kNotFound, "BLOB_UNKNOWN"));
    EXPECT_THAT(GetObject(store(), digest, 100), IsError(Code::kNotFound, "BLOB_UNKNOWN"));
  }
}

TEST_P(ObjectStoreContract, ReadsOnWhatIsOpenWhenItIsRemoved) {
  const auto digest = PutObject(store(), "still here");
  auto file = store().Open(*digest);
  ASSERT_THAT(file, IsOk());
  ASSERT_THAT(store().Remove(*digest), IsOk());
  EXPECT_THAT(store().Info(*digest), IsError(Code::kNotFound, "BLOB_UNKNOWN"));
  char text[5];
  EXPECT_EQ(*(*file)->ReadAt(6, text, sizeof(text)), 4u);
  EXPECT_EQ(std::string_view(text, 4), "here");
  EXPECT_THAT(PutObject(store(), "still here"), IsOk());
  EXPECT_EQ(Get(*digest), "still here");
}

TEST_P(ObjectStoreContract, LimitsWhatIsReadWhole) {
  const auto digest = PutObject(store(), "12345");
  EXPECT_EQ(*GetObject(store(), *digest, 5), "12345");
  EXPECT_THAT(GetObject(store(), *digest, 4),
              IsError(Code::kFailedPrecondition, "OBJECT_TOO_LARGE"));
}

TEST_P(ObjectStoreContract, RemovesStaleUploadsThatNobodyHolds) {
  auto held = UploadOf("held");
  const std::string left = UploadOf("left")->id();
  const std::string held_id = held->id();
  const uint64_t now_ms = SystemClock().Wall().time_since_epoch().count();
  EXPECT_EQ(*store().RemoveStaleUploads(now_ms - 60'000), 0u);
  EXPECT_EQ(*store().RemoveStaleUploads(now_ms + 60'000), 1u);
  EXPECT_THAT(store().Resume(left), IsError(Code::kNotFound, "UPLOAD_UNKNOWN"));
  EXPECT_THAT(store().Commit(std::move(held), Digest::Of("held")), IsOk());
  EXPECT_THAT(store().Resume(held_id), IsError(Code::kNotFound, "UPLOAD_UNKNOWN"));
}

TEST_P(ObjectStoreContract, ListsInTheOrderOfDigests) {
  std::vector<Digest> expected;
  for (int i = 0; i < 60; ++i) expected.push_back(*PutObject(store(), std::to_string(i)));
  std::ranges::sort(expected);
  for (const size_t page_size : {size_t{1}, size_t{7}, size_t{60}, size_t{1000}}) {
    std::vector<Digest> found;
    std::optional<Digest> after;
    while (true) {
      const auto page = store().List(after, page_size);
      ASSERT_THAT(page, IsOk());
      EXPECT_LE(page->size(), page_size);
      for (const ListedObject& object : *page) {
        EXPECT_EQ(object.info.inode, store().Info(object.digest)->inode);
        EXPECT_EQ(object.info.size_bytes, Get(object.digest).size());
        found.push_back(object.digest);
      }
      if (page->size() < page_size) break;
      after = page->back().digest;
    }
    EXPECT_EQ(found, expected) << page_size;
  }
  // From a digest that is not there.
  ASSERT_THAT(store().Remove(expected[10]), IsOk());
  EXPECT_EQ((*store().List(expected[10], 1))[0].digest, expected[11]);
  EXPECT_TRUE(store().List(expected.back(), 1)->empty());
}

TEST_P(ObjectStoreContract, AsksBeforeItPublishes) {
  std::vector<std::string> asked;
  const auto asks = [&](Publication answer) {
    return [&asked, answer](const Digest& digest) {
      asked.push_back(digest.text());
      return answer;
    };
  };
  const Digest sha512 = Digest::Of("content", DigestAlgorithm::kSha512);
  const auto digest = store().Commit(UploadOf("content"), sha512, asks(Publication::kKeep));
  ASSERT_THAT(digest, IsOk());
  EXPECT_EQ(asked, std::vector<std::string>{digest->text()}) << "under its sha256";
  const uint64_t inode = store().Info(*digest)->inode;
  ASSERT_THAT(PutObject(store(), "content", asks(Publication::kKeep)), IsOk());
  EXPECT_EQ(store().Info(*digest)->inode, inode);
  auto open = store().Open(*digest);
  ASSERT_THAT(PutObject(store(), "content", asks(Publication::kReplace)), IsOk());
  EXPECT_NE(store().Info(*digest)->inode, inode);
  EXPECT_EQ(Get(*digest), "content");
  char text[8];
  EXPECT_EQ(*(*open)->ReadAt(0, text, sizeof text), 7u) << "open files stay";
  // Bytes that are wrong are never asked about.
  EXPECT_FALSE(store().Commit(UploadOf("wrong"), sha512, asks(Publication::kReplace)).has_value());
  EXPECT_EQ(asked.size(), 3u);
}

TEST_P(ObjectStoreContract, EndsAVisitWithTheVisitorsError) {
  ASSERT_THAT(PutObject(store(), "a"), IsOk());
  ASSERT_THAT(PutObject(store(), "b"), IsOk());
  int calls = 0;
  EXPECT_THAT(ForEachObject(store(),
                            [&](const Digest&, const ObjectInfo&) -> Result<void> {
                              ++calls;
                              return Unavailable("ENOUGH", "stop");
                            }),
              IsError(Code::kUnavailable, "ENOUGH"));
  EXPECT_EQ(calls, 1);
}

TEST_P(ObjectStoreContract, TakesCommitsFromManyThreads) {
  constexpr int kThreads = 6;
  constexpr int kObjects = 40;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < kObjects; ++i) {
        // Half of the content is shared by all threads.
        const std::string content = "object " + std::to_string(i % 2 == 0 ? i : t * 1000 + i);
        EXPECT_THAT(store().Commit(UploadOf(content), Digest::Of(content)), IsOk());
        EXPECT_EQ(Get(Digest::Of(content)), content);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(All().size(), kObjects / 2 + kThreads * kObjects / 2);
}

}  // namespace
}  // namespace slipway::store
