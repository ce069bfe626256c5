#include "registry/tag_moves.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/result_matchers.h"
#include "registry/limits.h"
#include "registry/testing/registry_fixture.h"

namespace slipway::registry {
namespace {

constexpr std::string_view kRepository = "default/fraud";

class TagMovesTest : public ::testing::Test {
 protected:
  TagMovePage Read(std::string_view tag = "", std::optional<uint64_t> before = {},
                   size_t limit = 100) {
    TagMovePage page;
    EXPECT_THAT(stores_.meta->ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
      TRY(read, ReadMoves(snapshot, kRepository, tag, before, limit));
      page = std::move(read);
      return {};
    }),
                IsOk());
    return page;
  }
  void Record(size_t count, const std::string& tag) {
    ASSERT_THAT(
        stores_.meta->MutateNow(CallContext::System("test"),
                                [&](store::Transaction& transaction) -> Result<void> {
                                  for (size_t i = 0; i < count; ++i) {
                                    const TagMove move{.tag = tag, .digest = "d"};
                                    TRY_VOID(RecordMoves(transaction, kRepository, {&move, 1}));
                                  }
                                  return {};
                                }),
        IsOk());
  }
  Digest Push(const std::string& tag, const std::string& layer) {
    registry_.PushBlob("fraud", "{}");
    registry_.PushBlob("fraud", layer);
    return registry_.PushManifest("fraud", tag, ManifestJson("{}", {layer}));
  }

  RegistryStores stores_;
  RegistryFixture registry_{stores_};
};

TEST_F(TagMovesTest, TellWhatATagPointedAt) {
  registry_.As({.subject = "token/ci", .grants = {{.role = Role::kAdmin}}});
  const Digest first = Push("v1", "a");
  stores_.clock.Advance(std::chrono::hours(1));
  registry_.As({.subject = "token/ada", .grants = {{.role = Role::kAdmin}}});
  const Digest second = Push("v1", "b");
  Push("v1", "b");  // nothing moves
  Push("v2", "b");
  EXPECT_EQ(registry_.Delete("/v2/fraud/manifests/v1").status, 202);
  const TagMovePage page = Read();
  ASSERT_EQ(page.moves.size(), 4u);
  EXPECT_EQ(page.next, std::nullopt);
  EXPECT_EQ(page.forgotten, 0u);
  const TagMove& removed = page.moves[0];
  EXPECT_EQ(removed.tag, "v1");
  EXPECT_EQ(removed.digest, "");
  EXPECT_EQ(removed.before, second.text());
  EXPECT_EQ(page.moves[1].tag, "v2");
  const TagMove& moved = page.moves[2];
  EXPECT_EQ(moved.digest, second.text());
  EXPECT_EQ(moved.before, first.text());
  EXPECT_EQ(moved.by, "token/ada");
  EXPECT_GT(moved.at, page.moves[3].at);
  EXPECT_EQ(page.moves[3].before, "");
  EXPECT_EQ(page.moves[3].by, "token/ci");
  EXPECT_EQ(Read("v1").moves.size(), 3u);
  EXPECT_TRUE(Read("v").moves.empty());
  // With the manifest goes its tag, and that is told too.
  EXPECT_EQ(registry_.Delete("/v2/fraud/manifests/" + second.text()).status, 202);
  EXPECT_EQ(Read("v2").moves[0].digest, "");
}

TEST_F(TagMovesTest, ArePagedNewestFirst) {
  Record(5, "a");
  Record(5, "b");
  std::vector<uint64_t> numbers;
  std::optional<uint64_t> before;
  do {
    const TagMovePage page = Read("", before, 3);
    EXPECT_LE(page.moves.size(), 3u);
    for (const TagMove& move : page.moves) numbers.push_back(move.number);
    before = page.next;
  } while (before);
  EXPECT_THAT(numbers, ::testing::ElementsAre(9, 8, 7, 6, 5, 4, 3, 2, 1, 0));
  EXPECT_EQ(Read("a", std::nullopt, 1).moves[0].number, 4u);
  EXPECT_EQ(Read("", 1'000'000).moves.size(), 10u);
  EXPECT_TRUE(Read("", 0).moves.empty());
  EXPECT_EQ(Read("", 0).next, std::nullopt);
}

TEST_F(TagMovesTest, TheOldestAreForgottenAndAPageIsBounded) {
  constexpr size_t kTogether = 500;
  Record(1, "old");
  Record(1, "rare");
  for (size_t i = 0; i < kMaxTagMoves - 1; i += kTogether) {
    Record(std::min<size_t>(kTogether, kMaxTagMoves - 1 - i), "busy");
  }
  size_t rows = 0;
  ASSERT_THAT(stores_.meta->ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
    const std::string prefix = MovePrefix(kRepository);
    TRY(found, snapshot.ScanSizes(prefix, store::PrefixEnd(prefix), 2 * kMaxTagMoves));
    rows = found.size();
    return {};
  }),
              IsOk());
  EXPECT_EQ(rows, kMaxTagMoves);
  EXPECT_EQ(Read().forgotten, 1u);
  // The rare one is found after some pages that have none.
  std::optional<uint64_t> before;
  size_t pages = 0;
  std::vector<TagMove> found;
  do {
    const TagMovePage page = Read("rare", before);
    found.insert(found.end(), page.moves.begin(), page.moves.end());
    before = page.next;
    ASSERT_LT(++pages, 100u);
  } while (before);
  EXPECT_EQ(found.size(), 1u);
  EXPECT_EQ(pages, kMaxTagMoves / kMaxScannedMoves);
}

TEST_F(TagMovesTest, DamagedRowsAreTold) {
  Record(3, "a");
  const auto put = [&](const std::string& key, const std::string& value) {
    EXPECT_THAT(stores_.meta->MutateNow(
                    CallContext::System("test"),
                    [&](store::Transaction& transaction) { return transaction.Put(key, value); }),
                IsOk());
    return stores_.meta->ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
      TRY_VOID(ReadMoves(snapshot, kRepository, "", {}, 10));
      return {};
    });
  };
  const std::string numbers = MovesKey(kRepository);
  for (const char* odd : {"", "[]", "{}", R"({"first":2,"next":1})", R"({"first":0,"next":-1})",
                          R"({"first":0,"next":9})", R"({"first":0,"next":"3"})"}) {
    EXPECT_THAT(put(numbers, odd), IsError(Code::kDataLoss, "ROW_CORRUPT")) << odd;
  }
  EXPECT_THAT(put(numbers, R"({"first":0,"next":3})"), IsOk());
  EXPECT_THAT(put(MovePrefix(kRepository) + "0000000000000001", "7"),
              IsError(Code::kDataLoss, "ROW_CORRUPT"));
}

}  // namespace
}  // namespace slipway::registry
