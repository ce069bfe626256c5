#include <sqlite3.h>

#include <condition_variable>
#include <mutex>
#include <span>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "base/file_system.h"
#include "base/random.h"
#include "base/testing/result_matchers.h"
#include "base/testing/temporary_folder.h"
#include "store/limits.h"
#include "store/meta/sqlite_check.h"
#include "store/meta/sqlite_schema.h"
#include "store/testing/meta_store_contract.h"

namespace slipway::store {
namespace {

class SqliteUnderTest final : public MetaStoreUnderTest {
 public:
  SqliteUnderTest(ChangeLogLimits limits, Clock& clock)
      : store_(
            *MakeSqliteMetaStore({.path = folder_ / "test.db", .log = limits, .clock = &clock})) {}
  MetaStore& store() override { return *store_; }

 private:
  const TemporaryFolder folder_;
  const std::unique_ptr<MetaStore> store_;
};

std::unique_ptr<MetaStoreUnderTest> Make(ChangeLogLimits limits, Clock& clock) {
  return std::make_unique<SqliteUnderTest>(limits, clock);
}

INSTANTIATE_TEST_SUITE_P(Sqlite, MetaStoreContract, testing::Values(MetaStoreMaker(Make)));

// Runs SQL as another program would.
void RunSql(const std::string& path, const char* sql) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(database, sql, nullptr, nullptr, nullptr), SQLITE_OK)
      << sqlite3_errmsg(database);
  sqlite3_close(database);
}

class SqliteMetaStoreTest : public testing::Test {
 protected:
  Result<std::unique_ptr<MetaStore>> Open() {
    return MakeSqliteMetaStore({.path = path_, .program = "slipway 1.2.3"});
  }
  static Result<std::string> Get(MetaStore& store, std::string_view key) {
    std::string value;
    TRY_VOID(store.ReadNow([&](const Snapshot& s) -> Result<void> {
      TRY(found, s.Get(key));
      value = found.value_or("(none)");
      return {};
    }));
    return value;
  }

  const TemporaryFolder folder_;
  const std::string path_ = folder_ / "test.db";
};

TEST_F(SqliteMetaStoreTest, KeepsEverythingOverARestart) {
  std::string epoch;
  {
    auto store = Open();
    ASSERT_THAT(store, IsOk());
    epoch = (*store)->epoch();
    ASSERT_THAT((*store)->MutateNow({},
                                    [](Transaction& t) -> Result<void> {
                                      TRY_VOID(t.NextVersion());
                                      TRY(version, t.NextVersion());
                                      TRY_VOID(t.Put("a", "1"));
                                      return t.LogChange(version, "a", "1", false);
                                    }),
                IsOk());
  }
  auto store = Open();
  ASSERT_THAT(store, IsOk());
  EXPECT_EQ((*store)->epoch(), epoch);
  EXPECT_EQ(*Get(**store, "a"), "1");
  const auto page = (*store)->Changes(0, "", 10);
  ASSERT_EQ(page->changes.size(), 1u);
  EXPECT_EQ(page->changes[0].version, 2u);
  EXPECT_EQ(page->last_version, 2u);
}

// Written out as the first release made it, independent of the code that migrates it.
constexpr char kFormat1[] = R"(
  PRAGMA application_id = 1397508432;
  PRAGMA journal_mode = WAL;
  CREATE TABLE info (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE counters (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL,
                         log_floor INTEGER NOT NULL, log_count INTEGER NOT NULL);
  CREATE TABLE entries (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
  CREATE TABLE changes (version INTEGER PRIMARY KEY, key BLOB NOT NULL, value BLOB NOT NULL,
                        deleted INTEGER NOT NULL, time_ms INTEGER NOT NULL);
  INSERT INTO info VALUES ('epoch', 'fedcba9876543210fedcba9876543210'),
                          ('program', 'slipway 0.0.1');
  INSERT INTO counters VALUES (1, 7, 5, 2);
  INSERT INTO entries VALUES (x'61', x'31'), (x'62', x'32');
  INSERT INTO changes VALUES (6, x'61', x'31', 0, 1700000000000),
                             (7, x'63', x'33', 1, 1700000000001);
  PRAGMA user_version = 1;
)";

TEST_F(SqliteMetaStoreTest, MigratesFormat1) {
  RunSql(path_, kFormat1);
  for (int i = 0; i < 2; ++i) {
    auto store = Open();
    ASSERT_THAT(store, IsOk());
    EXPECT_EQ((*store)->epoch(), "fedcba9876543210fedcba9876543210");
    EXPECT_EQ(*Get(**store, "a"), "1");
    EXPECT_EQ(*Get(**store, "b"), "2");
    EXPECT_THAT((*store)->Changes(4, "", 10), IsError(Code::kOutOfRange, "EXPIRED"));
    const auto page = (*store)->Changes(5, "", 10);
    ASSERT_EQ(page->changes.size(), 2u + i);
    EXPECT_EQ(page->changes[1].key, "c");
    EXPECT_TRUE(page->changes[1].deleted);
    EXPECT_EQ(page->changes[1].actor, "");
    EXPECT_THAT((*store)->MutateNow({.identity = {.subject = "me"}},
                                    [](Transaction& t) -> Result<void> {
                                      TRY(version, t.NextVersion());
                                      return t.LogChange(version, "d", "", false);
                                    }),
                IsOk());
    EXPECT_EQ((*store)->Changes(7, "", 10)->changes[0].actor, "me");
  }
}

TEST_F(SqliteMetaStoreTest, RefusesANewerFormatAndChangesNothing) {
  {
    ASSERT_THAT(Open(), IsOk());
  }
  const std::string newer = std::to_string(kDatabaseFormat + 1);
  const std::string sql = "PRAGMA user_version = " + newer +
                          "; UPDATE info SET value = 'slipway 9.9.9' WHERE name = 'program'";
  RunSql(path_, sql.c_str());
  const std::string before = *ReadWholeFile(PosixFileSystem(), path_, 1 << 20);
  const auto store = Open();
  ASSERT_THAT(store, IsError(Code::kFailedPrecondition, "FORMAT_NEWER"));
  EXPECT_THAT(store.error().message(), testing::HasSubstr("slipway 9.9.9"));
  EXPECT_THAT(store.error().message(), testing::HasSubstr("format " + newer));
  EXPECT_EQ(store.error().detail("format"), newer);
  EXPECT_EQ(*ReadWholeFile(PosixFileSystem(), path_, 1 << 20), before);
}

TEST_F(SqliteMetaStoreTest, RefusesAnotherProgramsDatabase) {
  RunSql(path_, "CREATE TABLE theirs (x)");
  const std::string before = *ReadWholeFile(PosixFileSystem(), path_, 1 << 20);
  EXPECT_THAT(Open(), IsError(Code::kFailedPrecondition, "DATABASE_FOREIGN"));
  EXPECT_EQ(*ReadWholeFile(PosixFileSystem(), path_, 1 << 20), before);
}

TEST_F(SqliteMetaStoreTest, RefusesAFileThatIsNoDatabase) {
  ASSERT_THAT(WriteFileDurably(PosixFileSystem(), path_, std::string(5000, 'x')), IsOk());
  EXPECT_THAT(Open(), IsError(Code::kDataLoss, "DATABASE_CORRUPT"));
}

TEST_F(SqliteMetaStoreTest, DamageToAnyPageIsFound) {
  constexpr size_t kPageBytes = 4096;
  {
    auto store = Open();
    ASSERT_THAT(store, IsOk());
    const auto fill = [](Transaction& transaction) -> Result<void> {
      for (int i = 0; i < 100; ++i) {
        TRY_VOID(transaction.Put("key/" + std::to_string(i), std::string(1000, 'v')));
      }
      return {};
    };
    ASSERT_THAT((*store)->MutateNow(CallContext::System("test"), fill), IsOk());
  }
  ASSERT_THAT(CheckSqliteFile(path_), IsOk());
  const std::string whole = *ReadWholeFile(PosixFileSystem(), path_, 1 << 20);
  ASSERT_GT(whole.size(), 20 * kPageBytes);
  const auto random = MakeSeededRandom(8);
  for (size_t page = 0; page < whole.size() / kPageBytes; ++page) {
    std::string damaged = whole;
    random->Fill(std::as_writable_bytes(std::span(damaged)).subspan(page * kPageBytes, 128));
    ASSERT_THAT(WriteFileDurably(PosixFileSystem(), path_, damaged), IsOk());
    EXPECT_THAT(CheckSqliteFile(path_), IsError(Code::kDataLoss, "DATABASE_CORRUPT"))
        << "page " << page;
  }
  ASSERT_THAT(WriteFileDurably(PosixFileSystem(), path_, whole.substr(0, whole.size() / 2)),
              IsOk());
  EXPECT_THAT(CheckSqliteFile(path_), IsError(Code::kDataLoss, "DATABASE_CORRUPT"));
}

TEST_F(SqliteMetaStoreTest, NamesTheFolderThatIsMissing) {
  const auto store = MakeSqliteMetaStore({.path = folder_ / "missing/test.db"});
  ASSERT_THAT(store, IsError(Code::kPermissionDenied, "FILE_ACCESS"));
  EXPECT_THAT(store.error().message(), testing::HasSubstr("missing/test.db"));
}

// Lets a test hold the writer inside a mutation.
class Gate {
 public:
  void Open() {
    std::lock_guard lock(mutex_);
    open_ = true;
    opened_.notify_all();
  }
  void Wait() {
    std::unique_lock lock(mutex_);
    opened_.wait(lock, [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool open_ = false;
};

TEST_F(SqliteMetaStoreTest, CommitsWhatWaitsTogether) {
  auto store = *Open();
  // Every commit that takes a version is one call.
  std::atomic<int> commits = 0;
  auto subscription = store->Subscribe([&](uint64_t) { ++commits; });
  Gate gate;
  Gate begun;
  std::vector<std::thread> threads;
  threads.emplace_back([&] {
    EXPECT_THAT(store->MutateNow({},
                                 [&](Transaction& t) -> Result<void> {
                                   begun.Open();
                                   gate.Wait();
                                   return t.NextVersion().has_value() ? Result<void>()
                                                                      : Internal("NO", "");
                                 }),
                IsOk());
  });
  begun.Wait();
  std::atomic<int> submitted = 0;
  for (int i = 0; i < 50; ++i) {
    threads.emplace_back([&, i] {
      ++submitted;
      const Result<void> done = store->MutateNow({}, [&](Transaction& t) -> Result<void> {
        TRY_VOID(t.NextVersion());
        TRY_VOID(t.Put("key/" + std::to_string(i), "x"));
        if (i % 10 == 0) return Unavailable("NO", "a neighbour's error is not mine");
        return {};
      });
      EXPECT_EQ(done.has_value(), i % 10 != 0);
    });
  }
  while (submitted < 50) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  gate.Open();
  for (std::thread& thread : threads) thread.join();
  subscription.reset();
  EXPECT_LT(commits, 25);
  ASSERT_THAT(store->ReadNow([](const Snapshot& s) -> Result<void> {
    EXPECT_EQ(s.Scan("key/", "key0", 100)->size(), 45u);
    EXPECT_EQ(*s.Version(), 46u);
    return {};
  }),
              IsOk());
}

TEST_F(SqliteMetaStoreTest, RefusesMoreMutationsThanMayWait) {
  auto store = *Open();
  Gate gate;
  Gate begun;
  std::thread holder([&] {
    EXPECT_THAT(store->MutateNow({},
                                 [&](Transaction&) -> Result<void> {
                                   begun.Open();
                                   gate.Wait();
                                   return {};
                                 }),
                IsOk());
  });
  begun.Wait();
  asio::io_context context;
  std::atomic<size_t> done = 0;
  std::atomic<size_t> refused = 0;
  const auto mutate = [](MetaStore& target, std::atomic<size_t>& ok,
                         std::atomic<size_t>& busy) -> Task<void> {
    const Result<void> result =
        co_await target.Mutate({}, [](Transaction& t) { return t.Put("a", "1"); });
    if (result) {
      ++ok;
    } else {
      EXPECT_THAT(result, IsError(Code::kResourceExhausted, "STORE_BUSY"));
      ++busy;
    }
  };
  for (size_t i = 0; i < kMaxQueuedMutations + 100; ++i) {
    asio::co_spawn(context, mutate(*store, done, refused),
                   [](std::exception_ptr error) { EXPECT_EQ(error, nullptr); });
  }
  context.poll();
  EXPECT_EQ(refused, 100u);
  gate.Open();
  context.run();
  holder.join();
  EXPECT_EQ(done, kMaxQueuedMutations);
}

TEST_F(SqliteMetaStoreTest, KeepsTheLogFileShort) {
  auto store = *Open();
  const std::string value(100'000, 'x');
  for (int i = 0; i < 400; ++i) {
    ASSERT_THAT(store->MutateNow({}, [&](Transaction& t) { return t.Put("a", value); }), IsOk());
  }
  EXPECT_LT(PosixFileSystem().Info(path_ + "-wal")->size_bytes, 12'000'000u);
}

}  // namespace
}  // namespace slipway::store
