#include "store/testing/meta_store_contract.h"

#include <atomic>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "base/testing/result_matchers.h"
#include "store/limits.h"

namespace slipway::store {

MetaStoreMaker::MetaStoreMaker(Make function) : make(function) {}

Result<void> MetaStoreContract::Put(std::string_view key, std::string_view value) {
  return store().MutateNow(context_, [&](Transaction& t) { return t.Put(key, value); });
}

uint64_t MetaStoreContract::Change(std::string_view key, std::string_view value) {
  uint64_t version = 0;
  EXPECT_THAT(store().MutateNow(context_,
                                [&](Transaction& t) -> Result<void> {
                                  TRY(next, t.NextVersion());
                                  version = next;
                                  TRY_VOID(t.Put(key, value));
                                  return t.LogChange(next, key, value, false);
                                }),
              IsOk());
  return version;
}

std::optional<std::string> MetaStoreContract::Get(std::string_view key) {
  std::optional<std::string> value;
  EXPECT_THAT(store().ReadNow([&](const Snapshot& s) -> Result<void> {
    TRY(found, s.Get(key));
    value = std::move(found);
    return {};
  }),
              IsOk());
  return value;
}

std::vector<std::string> MetaStoreContract::Scan(std::string_view begin, std::string_view end,
                                                 size_t limit) {
  std::vector<std::string> lines;
  EXPECT_THAT(store().ReadNow([&](const Snapshot& s) -> Result<void> {
    TRY(entries, s.Scan(begin, end, limit));
    for (const KeyValue& entry : entries) lines.push_back(entry.key + "=" + entry.value);
    return {};
  }),
              IsOk());
  return lines;
}

uint64_t MetaStoreContract::Version() {
  uint64_t version = 0;
  EXPECT_THAT(store().ReadNow([&](const Snapshot& s) -> Result<void> {
    TRY(last, s.Version());
    version = last;
    return {};
  }),
              IsOk());
  return version;
}

namespace {

using Lines = std::vector<std::string>;

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(MetaStoreContract);

TEST_P(MetaStoreContract, KeepsWhatWasPut) {
  EXPECT_EQ(Get("a"), std::nullopt);
  ASSERT_THAT(Put("a", "1"), IsOk());
  ASSERT_THAT(Put("b", ""), IsOk());
  EXPECT_EQ(Get("a"), "1");
  EXPECT_EQ(Get("b"), "");
  ASSERT_THAT(Put("a", "2"), IsOk());
  EXPECT_EQ(Get("a"), "2");
  for (int i = 0; i < 2; ++i) {
    ASSERT_THAT(store().MutateNow(context_, [](Transaction& t) { return t.Delete("a"); }), IsOk());
    EXPECT_EQ(Get("a"), std::nullopt);
  }
}

TEST_P(MetaStoreContract, OrdersKeysByBytes) {
  const std::string zero(1, '\0');
  for (const std::string& key : {std::string("b"), std::string("a") + zero, std::string("a"),
                                 std::string("\xFF"), std::string("\x80"), zero}) {
    ASSERT_THAT(Put(key, "x"), IsOk());
  }
  EXPECT_EQ(Scan("", "", 100),
            (Lines{zero + "=x", "a=x", std::string("a") + zero + "=x", "b=x", "\x80=x", "\xFF=x"}));
  EXPECT_EQ(Scan("a", "b", 100), (Lines{"a=x", std::string("a") + zero + "=x"}));
  EXPECT_EQ(Scan("a", "", 2), (Lines{"a=x", std::string("a") + zero + "=x"}));
  EXPECT_EQ(Scan("b", "", 0), Lines{});
  EXPECT_EQ(Scan("b", "a", 100), Lines{});
}

TEST_P(MetaStoreContract, TellsSizesWithoutValues) {
  ASSERT_THAT(Put("a", ""), IsOk());
  ASSERT_THAT(Put("b", std::string(200'000, 'x')), IsOk());
  ASSERT_THAT(Put("c", "123"), IsOk());
  const auto sizes = [](const Snapshot& s, std::string_view begin, std::string_view end,
                        size_t limit) {
    std::string line;
    for (const KeySize& one : *s.ScanSizes(begin, end, limit)) {
      line += one.key + "=" + std::to_string(one.value_bytes) + " ";
    }
    return line;
  };
  ASSERT_THAT(store().ReadNow([&](const Snapshot& s) -> Result<void> {
    EXPECT_EQ(sizes(s, "", "", 100), "a=0 b=200000 c=3 ");
    EXPECT_EQ(sizes(s, "a", "c", 100), "a=0 b=200000 ");
    EXPECT_EQ(sizes(s, "b", "", 1), "b=200000 ");
    EXPECT_EQ(sizes(s, "d", "", 1), "");
    return {};
  }),
              IsOk());
  ASSERT_THAT(store().MutateNow(context_,
                                [&](Transaction& t) -> Result<void> {
                                  TRY_VOID(t.Put("b", "1"));
                                  TRY_VOID(t.Delete("a"));
                                  EXPECT_EQ(sizes(t, "", "", 100), "b=1 c=3 ");
                                  return {};
                                }),
              IsOk());
}

TEST_P(MetaStoreContract, LetsAMutationSeeItsOwnWrites) {
  ASSERT_THAT(Put("a", "1"), IsOk());
  ASSERT_THAT(store().MutateNow(context_,
                                [](Transaction& t) -> Result<void> {
                                  TRY_VOID(t.Put("b", "2"));
                                  TRY_VOID(t.Delete("a"));
                                  EXPECT_EQ(*t.Get("a"), std::nullopt);
                                  EXPECT_EQ(*t.Get("b"), "2");
                                  EXPECT_EQ(t.Scan("", "", 10)->size(), 1u);
                                  TRY(version, t.NextVersion());
                                  EXPECT_EQ(*t.Version(), version);
                                  return {};
                                }),
              IsOk());
  EXPECT_EQ(Scan("", "", 10), Lines{"b=2"});
}

TEST_P(MetaStoreContract, UndoesAMutationThatFails) {
  ASSERT_THAT(Put("a", "1"), IsOk());
  const uint64_t version = Change("b", "1");
  EXPECT_THAT(store().MutateNow(context_,
                                [](Transaction& t) -> Result<void> {
                                  TRY_VOID(t.Put("a", "2"));
                                  TRY_VOID(t.Put("new", "2"));
                                  TRY_VOID(t.Delete("b"));
                                  TRY(next, t.NextVersion());
                                  TRY_VOID(t.LogChange(next, "b", "", true));
                                  return Unavailable("NO", "changed my mind");
                                }),
              IsError(Code::kUnavailable, "NO"));
  EXPECT_EQ(Scan("", "", 10), (Lines{"a=1", "b=1"}));
  EXPECT_EQ(Version(), version);
  EXPECT_TRUE(store().Changes(version, "", 10)->changes.empty());
  EXPECT_EQ(Change("c", "1"), version + 1);
}

TEST_P(MetaStoreContract, GivesVersionsInOrder) {
  EXPECT_EQ(Version(), 0u);
  EXPECT_EQ(Change("a", "1"), 1u);
  EXPECT_EQ(Change("a", "2"), 2u);
  EXPECT_EQ(Version(), 2u);
  ASSERT_THAT(Put("b", "1"), IsOk());
  EXPECT_EQ(Version(), 2u);
}

TEST_P(MetaStoreContract, ReadsAConsistentState) {
  ASSERT_THAT(Put("a", "1"), IsOk());
  ASSERT_THAT(Put("gone", "1"), IsOk());
  const uint64_t version = Change("b", "1");
  EXPECT_THAT(store().ReadNow([&](const Snapshot& s) -> Result<void> {
    std::thread([&] {
      Change("a", "2");
      Change("c", "2");
      EXPECT_THAT(store().MutateNow(context_, [](Transaction& t) { return t.Delete("gone"); }),
                  IsOk());
    }).join();
    EXPECT_EQ(*s.Get("a"), "1");
    EXPECT_EQ(*s.Get("gone"), "1");
    EXPECT_EQ(*s.Get("c"), std::nullopt);
    EXPECT_EQ(s.Scan("", "", 10)->size(), 3u);
    EXPECT_EQ(*s.Version(), version);
    return {};
  }),
              IsOk());
  EXPECT_EQ(Scan("", "", 10), (Lines{"a=2", "b=1", "c=2"}));
}

TEST_P(MetaStoreContract, PassesOnTheErrorOfARead) {
  EXPECT_THAT(store().ReadNow([](const Snapshot&) -> Result<void> {
    return NotFound("NOTHING", "nothing there");
  }),
              IsError(Code::kNotFound, "NOTHING"));
  EXPECT_THAT(Put("a", "1"), IsOk());
}

TEST_P(MetaStoreContract, LogsChangesWithTheirAuthor) {
  Change("a/1", "one");
  clock_.Advance(std::chrono::milliseconds(5));
  ASSERT_THAT(store().MutateNow({.identity = {.subject = "token/ops"}, .request_id = "request-2"},
                                [](Transaction& t) -> Result<void> {
                                  TRY(version, t.NextVersion());
                                  TRY_VOID(t.Delete("a/1"));
                                  return t.LogChange(version, "a/1", "one", true);
                                }),
              IsOk());
  const auto page = store().Changes(0, "", 10);
  ASSERT_THAT(page, IsOk());
  EXPECT_EQ(page->last_version, 2u);
  ASSERT_EQ(page->changes.size(), 2u);
  const auto& [made, deleted] = std::tie(page->changes[0], page->changes[1]);
  EXPECT_EQ(made.version, 1u);
  EXPECT_EQ(made.key, "a/1");
  EXPECT_EQ(made.value, "one");
  EXPECT_FALSE(made.deleted);
  EXPECT_EQ(made.actor, "token/ci");
  EXPECT_EQ(made.request_id, "request-1");
  EXPECT_EQ(made.time_ms, 1'700'000'000'000);
  EXPECT_EQ(deleted.version, 2u);
  EXPECT_TRUE(deleted.deleted);
  EXPECT_EQ(deleted.actor, "token/ops");
  EXPECT_EQ(deleted.request_id, "request-2");
  EXPECT_EQ(deleted.time_ms, 1'700'000'000'005);
}

TEST_P(MetaStoreContract, PagesAndFiltersChanges) {
  for (const char* key : {"a/1", "b/1", "a/2", "b/2", "a/3"}) Change(key, "x");
  const auto first = store().Changes(0, "a/", 2);
  ASSERT_EQ(first->changes.size(), 2u);
  EXPECT_EQ(first->changes[1].key, "a/2");
  EXPECT_EQ(first->last_version, 3u);
  const auto second = store().Changes(first->last_version, "a/", 2);
  ASSERT_EQ(second->changes.size(), 1u);
  EXPECT_EQ(second->changes[0].key, "a/3");
  const auto none = store().Changes(0, "c/", 10);
  EXPECT_TRUE(none->changes.empty());
  EXPECT_EQ(none->last_version, 5u);
  EXPECT_EQ(store().Changes(2, "", 0)->last_version, 2u);
}

TEST_P(MetaStoreContract, RefusesToLogOutOfOrder) {
  Change("a", "1");
  const auto log = [&](uint64_t version) {
    return store().MutateNow(context_, [version](Transaction& t) -> Result<void> {
      TRY_VOID(t.NextVersion());
      return t.LogChange(version, "a", "", false);
    });
  };
  EXPECT_THAT(log(1), IsError(Code::kInternal, "LOG_ORDER"));
  EXPECT_THAT(log(3), IsError(Code::kInternal, "LOG_ORDER"));
  EXPECT_THAT(log(2), IsOk());
}

TEST_P(MetaStoreContract, ForgetsChangesThatAreOldAndTooMany) {
  for (int i = 0; i < 15; ++i) Change("old", "x");
  EXPECT_EQ(store().Changes(0, "", 100)->changes.size(), 15u) << "too many, but young";
  clock_.Advance(std::chrono::milliseconds(60'001));
  for (int i = 0; i < 5; ++i) Change("young", "x");
  const auto page = store().Changes(10, "", 100);
  ASSERT_THAT(page, IsOk());
  EXPECT_EQ(page->changes.size(), 10u);
  EXPECT_THAT(store().Changes(9, "", 100), IsError(Code::kOutOfRange, "EXPIRED"));
  EXPECT_THAT(store().Changes(0, "", 100), IsError(Code::kOutOfRange, "EXPIRED"));
  clock_.Advance(std::chrono::milliseconds(1'000'000));
  Change("last", "x");
  EXPECT_EQ(store().Changes(11, "", 100)->changes.size(), 10u) << "old, but not too many";
}

TEST_P(MetaStoreContract, KeepsTheLogWhenTheClockJumpsBack) {
  for (int i = 0; i < 15; ++i) Change("a", "x");
  clock_.JumpWall(-std::chrono::hours(24));
  for (int i = 0; i < 15; ++i) Change("a", "x");
  EXPECT_EQ(store().Changes(0, "", 100)->changes.size(), 30u);
}

TEST_P(MetaStoreContract, RefusesVersionsThatWereNotGivenYet) {
  Change("a", "1");
  EXPECT_THAT(store().Changes(1, "", 10), IsOk());
  EXPECT_THAT(store().Changes(2, "", 10), IsError(Code::kOutOfRange, "EXPIRED"));
}

TEST_P(MetaStoreContract, CallsSubscribersUntilTheyEnd) {
  std::atomic<uint64_t> seen = 0;
  auto subscription = store().Subscribe([&seen](uint64_t version) { seen = version; });
  Change("a", "1");
  // The call comes after the answer, the next answer after the call.
  ASSERT_THAT(Put("b", "1"), IsOk());
  EXPECT_EQ(seen, 1u);
  subscription.reset();
  Change("a", "2");
  ASSERT_THAT(Put("b", "1"), IsOk());
  EXPECT_EQ(seen, 1u);
}

TEST_P(MetaStoreContract, LimitsKeysAndValues) {
  EXPECT_THAT(Put("", "x"), IsError(Code::kInvalidArgument, "KEY_INVALID"));
  EXPECT_THAT(Put(std::string(kMaxKeyBytes + 1, 'k'), "x"),
              IsError(Code::kInvalidArgument, "KEY_INVALID"));
  EXPECT_THAT(Put("a", std::string(kMaxValueBytes + 1, 'v')),
              IsError(Code::kInvalidArgument, "VALUE_TOO_LARGE"));
  const std::string key(kMaxKeyBytes, 'k');
  const std::string value(kMaxValueBytes, 'v');
  ASSERT_THAT(Put(key, value), IsOk());
  EXPECT_TRUE(Get(key) == value);
}

TEST_P(MetaStoreContract, MakesNoChangeAfterTheDeadline) {
  CallContext late = context_;
  late.deadline = std::chrono::steady_clock::now() - std::chrono::milliseconds(1);
  EXPECT_THAT(store().MutateNow(late, [](Transaction& t) { return t.Put("a", "1"); }),
              IsError(Code::kDeadlineExceeded, "DEADLINE"));
  EXPECT_EQ(Get("a"), std::nullopt);
}

TEST_P(MetaStoreContract, HasAnEpoch) {
  EXPECT_EQ(store().epoch().size(), 32u);
}

TEST_P(MetaStoreContract, CountsExactlyFromManyThreads) {
  constexpr int kThreads = 6;
  constexpr int kEach = 50;
  const auto add_one = [](Transaction& t) -> Result<void> {
    TRY(value, t.Get("count"));
    return t.Put("count", std::to_string(value ? std::stoi(*value) + 1 : 1));
  };
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) EXPECT_THAT(store().MutateNow(context_, add_one), IsOk());
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Get("count"), std::to_string(kThreads * kEach));
}

TEST_P(MetaStoreContract, StampsChangeBeforeAWriteIsAnswered) {
  EXPECT_THAT(Put("a", "1"), IsOk());
  const KeyStamp a = store().stamps().Of("a");
  const KeyStamp absent = store().stamps().Of("b");
  EXPECT_THAT(Put("unrelated", "1"), IsOk());
  EXPECT_TRUE(store().stamps().Holds(a));
  EXPECT_TRUE(store().stamps().Holds(absent));
  EXPECT_THAT(Put("a", "2"), IsOk());
  EXPECT_FALSE(store().stamps().Holds(a));
  const KeyStamp again = store().stamps().Of("a");
  EXPECT_THAT(
      store().MutateNow(context_, [](Transaction& t) -> Result<void> { return t.Delete("a"); }),
      IsOk());
  EXPECT_FALSE(store().stamps().Holds(again));
  EXPECT_TRUE(store().stamps().Holds(absent));
  EXPECT_THAT(Put("b", "1"), IsOk());
  EXPECT_FALSE(store().stamps().Holds(absent)) << "what was not there is there";
}

// Readers keep what they read as long as its stamp holds, and are never behind the writer.
TEST_P(MetaStoreContract, WhoReadsByStampsIsNeverBehind) {
  constexpr int kWrites = 300;
  EXPECT_THAT(Put("count", "0"), IsOk());
  std::atomic<int> acknowledged{0};
  std::atomic<bool> ended{false};
  std::atomic<int> kept{0};
  std::vector<std::thread> readers;
  for (int reader = 0; reader < 2; ++reader) {
    readers.emplace_back([&] {
      KeyStamp stamp = store().stamps().Of("count");
      int value = std::stoi(*Get("count"));
      while (!ended.load()) {
        const int at_least = acknowledged.load();
        if (store().stamps().Holds(stamp)) {
          ++kept;
        } else {
          stamp = store().stamps().Of("count");
          value = std::stoi(*Get("count"));
        }
        EXPECT_GE(value, at_least);
      }
    });
  }
  for (int i = 1; i <= kWrites || kept.load() == 0; ++i) {
    EXPECT_THAT(Put("count", std::to_string(i)), IsOk());
    acknowledged.store(i);
  }
  ended.store(true);
  for (std::thread& reader : readers) reader.join();
}

// One of many coroutines on one io_context; every third fails.
Task<void> MutateAndRead(MetaStore& store, int i, std::thread::id home, int& ended) {
  const std::string key = "async/" + std::to_string(i);
  const Result<void> mutated = co_await store.Mutate({}, [&](Transaction& t) -> Result<void> {
    TRY_VOID(t.Put(key, "x"));
    TRY(version, t.NextVersion());
    TRY_VOID(t.LogChange(version, key, "x", false));
    if (i % 3 == 0) return Unavailable("NO", "every third");
    return {};
  });
  EXPECT_EQ(std::this_thread::get_id(), home);
  EXPECT_EQ(mutated.has_value(), i % 3 != 0);
  std::optional<std::string> value;
  const Result<void> read = co_await store.Read([&](const Snapshot& s) -> Result<void> {
    TRY(found, s.Get(key));
    value = found;
    return {};
  });
  EXPECT_EQ(std::this_thread::get_id(), home);
  EXPECT_THAT(read, IsOk());
  EXPECT_EQ(value.has_value(), mutated.has_value()) << "what was acknowledged is read";
  const auto page = co_await store.ReadChanges(0, "async/", 1000);
  EXPECT_EQ(std::this_thread::get_id(), home);
  EXPECT_THAT(page, IsOk());
  EXPECT_EQ(page->changes.size(), page->last_version);
  const auto expired = co_await store.ReadChanges(1'000'000, "", 1);
  EXPECT_THAT(expired, IsError(Code::kOutOfRange, "EXPIRED"));
  ++ended;
}

TEST_P(MetaStoreContract, ResumesCoroutinesWhereTheyRan) {
  constexpr int kCoroutines = 300;
  asio::io_context context;
  int ended = 0;
  for (int i = 0; i < kCoroutines; ++i) {
    asio::co_spawn(context, MutateAndRead(store(), i, std::this_thread::get_id(), ended),
                   [](std::exception_ptr error) { EXPECT_EQ(error, nullptr); });
  }
  context.run();
  EXPECT_EQ(ended, kCoroutines);
  EXPECT_EQ(Scan("async/", "async0", 1000).size(), 200u);
}

}  // namespace
}  // namespace slipway::store
