#include "registry/reads.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "base/testing/result_matchers.h"

namespace slipway::registry {
namespace {

// Rows as a push writes them, and reads of them one after the other.
class ReadsTest : public testing::Test {
 protected:
  const std::unique_ptr<store::MetaStore> meta_ = store::MakeMemoryMetaStore();
  Reads reads_{*meta_};
  const std::string repository_ = "default/model";

  ReadsTest() {
    Write([&](store::Transaction& t) { return t.Put(RepositoryKey(repository_), "{}"); });
  }
  void Write(const std::function<Result<void>(store::Transaction&)>& write) {
    EXPECT_THAT(meta_->MutateNow(CallContext::System("test"), write), IsOk());
  }
  Digest PutManifest(const std::string& bytes, const std::string& media_type = "a/b") {
    const Digest digest = Digest::Of(bytes);
    const ManifestRow row{.object = digest,
                          .size_bytes = bytes.size(),
                          .media_type = media_type,
                          .artifact_type = "",
                          .subject = std::nullopt};
    Write([&](store::Transaction& t) -> Result<void> {
      TRY_VOID(t.Put(ObjectKey(digest), bytes));
      return t.Put(ManifestKey(repository_, digest), EncodeRow(row));
    });
    return digest;
  }
  void PutTag(const std::string& tag, const Digest& digest) {
    Write([&](store::Transaction& t) {
      return t.Put(TagKey(repository_, tag), EncodeRow(TagRow{.digest = digest, .updated_at = ""}));
    });
  }

  template <typename T>
  Result<T> Wait(Task<Result<T>> task) {
    asio::io_context context;
    std::optional<Result<T>> result;
    asio::co_spawn(context, std::move(task), [&](std::exception_ptr error, Result<T> value) {
      EXPECT_EQ(error, nullptr);
      result = std::move(value);
    });
    context.run();
    return std::move(*result);
  }
  // As a handler does it.
  Result<std::shared_ptr<const FoundManifest>> Get(const Selector& selector) {
    if (auto recent = reads_.RecentManifest(repository_, selector)) return recent;
    return Wait(reads_.ReadManifest(repository_, selector));
  }
  Result<std::shared_ptr<const FoundBlob>> GetBlob(const Digest& digest) {
    if (auto recent = reads_.RecentBlob(repository_, digest)) return recent;
    return Wait(reads_.ReadBlob(repository_, digest));
  }
};

TEST_F(ReadsTest, ATagIsReadFromMemoryUntilItMoves) {
  const Digest first = PutManifest("first");
  const Digest second = PutManifest("second");
  PutTag("v1", first);
  const Selector v1{.digest = std::nullopt, .tag = "v1"};
  for (int i = 0; i < 3; ++i) EXPECT_EQ((*Get(v1))->inline_bytes, "first");
  ASSERT_NE(reads_.RecentManifest(repository_, v1), nullptr);

  PutTag("v1", second);
  EXPECT_EQ(reads_.RecentManifest(repository_, v1), nullptr);
  EXPECT_EQ((*Get(v1))->inline_bytes, "second");
}

TEST_F(ReadsTest, WhatIsDeletedOrWrittenAgainIsNotReadFromMemory) {
  const Digest digest = PutManifest("bytes", "type/one");
  PutTag("v1", digest);
  const Selector by_digest{.digest = digest, .tag = ""};
  const Selector by_tag{.digest = std::nullopt, .tag = "v1"};
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(Get(by_tag), IsOk());
    EXPECT_EQ((*Get(by_digest))->row.media_type, "type/one");
  }
  PutManifest("bytes", "type/two");
  EXPECT_EQ((*Get(by_digest))->row.media_type, "type/two");
  EXPECT_EQ((*Get(by_tag))->row.media_type, "type/two");
  Write([&](store::Transaction& t) { return t.Delete(ManifestKey(repository_, digest)); });
  EXPECT_THAT(Get(by_digest), IsError(Code::kNotFound, "MANIFEST_UNKNOWN"));
  EXPECT_THAT(Get(by_tag), IsError(Code::kNotFound, "MANIFEST_UNKNOWN"));
}

TEST_F(ReadsTest, OtherWritesLeaveItInMemory) {
  const Digest digest = PutManifest("bytes");
  PutTag("v1", digest);
  const Selector v1{.digest = std::nullopt, .tag = "v1"};
  for (int i = 0; i < 2; ++i) EXPECT_THAT(Get(v1), IsOk());
  int kept = 0;
  for (int i = 0; i < 100; ++i) {
    PutTag("other-" + std::to_string(i), digest);
    kept += reads_.RecentManifest(repository_, v1) != nullptr ? 1 : 0;
    EXPECT_THAT(Get(v1), IsOk());
  }
  EXPECT_GT(kept, 90) << "keys may share a stamp, now and then";
}

TEST_F(ReadsTest, ABlobIsGoneWhenItsRowIs) {
  const Digest digest = Digest::Of("blob");
  EXPECT_THAT(GetBlob(digest), IsError(Code::kNotFound, "BLOB_UNKNOWN"));
  Write([&](store::Transaction& t) -> Result<void> {
    TRY_VOID(t.Put(ObjectKey(digest), "blob"));
    return t.Put(BlobKey(repository_, digest),
                 EncodeRow(BlobRow{.object = digest, .size_bytes = 4}));
  });
  for (int i = 0; i < 2; ++i) EXPECT_EQ((*GetBlob(digest))->inline_bytes, "blob");
  EXPECT_NE(reads_.RecentBlob(repository_, digest), nullptr);
  Write([&](store::Transaction& t) { return t.Delete(BlobKey(repository_, digest)); });
  EXPECT_THAT(GetBlob(digest), IsError(Code::kNotFound, "BLOB_UNKNOWN"));
}

// Its rows go later.
TEST_F(ReadsTest, NothingIsReadOfARepositoryThatWasDeleted) {
  const Digest digest = PutManifest("bytes");
  PutTag("v1", digest);
  Write([&](store::Transaction& t) {
    return t.Put(BlobKey(repository_, digest),
                 EncodeRow(BlobRow{.object = digest, .size_bytes = 5}));
  });
  const Selector v1{.digest = std::nullopt, .tag = "v1"};
  for (int i = 0; i < 2; ++i) EXPECT_THAT(Get(v1), IsOk());
  EXPECT_THAT(GetBlob(digest), IsOk());
  ASSERT_NE(reads_.RecentManifest(repository_, v1), nullptr);
  ASSERT_NE(reads_.RecentBlob(repository_, digest), nullptr);
  Write([&](store::Transaction& t) { return t.Delete(RepositoryKey(repository_)); });
  EXPECT_THAT(Get(v1), IsError(Code::kNotFound, "MANIFEST_UNKNOWN"));
  EXPECT_THAT(Get({.digest = digest, .tag = ""}), IsError(Code::kNotFound, "MANIFEST_UNKNOWN"));
  EXPECT_THAT(GetBlob(digest), IsError(Code::kNotFound, "BLOB_UNKNOWN"));
}

// More than the cache may hold: everything is still read, and the old is forgotten.
TEST_F(ReadsTest, MemoryIsBounded) {
  const std::string filling(60'000, 'x');
  std::vector<Digest> digests;
  for (int i = 0; i < 200; ++i) digests.push_back(PutManifest(filling + std::to_string(i)));
  size_t recent = 0;
  for (const Digest& digest : digests) EXPECT_THAT(Get({.digest = digest, .tag = ""}), IsOk());
  for (const Digest& digest : digests) {
    recent += reads_.RecentManifest(repository_, {.digest = digest, .tag = ""}) ? 1 : 0;
  }
  EXPECT_LE(recent * filling.size(), kMaxRecentManifestBytes);
  EXPECT_GT(recent, 0u);
}

}  // namespace
}  // namespace slipway::registry
