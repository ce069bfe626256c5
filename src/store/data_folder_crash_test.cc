// First starts and migrations, cut off at each of their steps.
#include <sqlite3.h>

#include <gtest/gtest.h>

#include "base/testing/crash_seeds.h"
#include "base/testing/fault_file_system.h"
#include "base/testing/lying_file_system.h"
#include "base/testing/result_matchers.h"
#include "store/data_folder.h"
#include "store/meta/meta_store.h"
#include "store/object/object_store.h"
#include "store/testing/file_system_vfs.h"

namespace slipway::store {
namespace {

constexpr char kRoot[] = "/srv/slipway/data";
constexpr int kObjects = 20;

std::string ObjectText(int number) {
  return "object " + std::to_string(number);
}

Result<void> OpenFolder(FileSystem& files) {
  TRY(folder, DataFolder::Open(files, kRoot, "slipway 1.2.3"));
  TRY(objects, MakeLocalObjectStore(files, folder->root()));
  TRY_VOID(PutObject(*objects, "new"));
  return {};
}

// A folder of format 1: objects side by side in one folder.
void MakeFormat1(FileSystem& files) {
  const std::string root = kRoot;
  ASSERT_THAT(files.MakeDirectories(root + "/blobs/sha256"), IsOk());
  for (int i = 0; i < kObjects; ++i) {
    const std::string content = ObjectText(i);
    const std::string name(Digest::Of(content).hex());
    ASSERT_THAT(WriteFileDurably(files, root + "/blobs/sha256/" + name, content), IsOk());
  }
  ASSERT_THAT(WriteFileDurably(files, root + "/format", "format: 1\nprogram: slipway 0.0.1\n"),
              IsOk());
}

std::string MissingObject(FileSystem& files) {
  const auto store = MakeLocalObjectStore(files, kRoot);
  if (!store) return store.error().ToString();
  for (int i = 0; i < kObjects; ++i) {
    const auto content = GetObject(**store, Digest::Of(ObjectText(i)), 1000);
    if (!content) return content.error().ToString();
    if (*content != ObjectText(i)) return "damaged: " + ObjectText(i);
  }
  return "";
}

// Opens a folder that `make` made, cut off at one step after another, until a step is not reached.
// After each cut, the program ends or the machine crashes, and the folder is opened again; `check`
// then finds what is wrong. Returns the number of states in which something was.
template <class Make, class Check>
int CutAtEachStep(Lies lies, Make make, Check check) {
  int wrong = 0;
  const CrashSeeds seeds(40);
  for (uint64_t step = 1;; ++step) {
    FaultFileSystem disk;
    make(disk);
    disk.CutPowerAfter(step);
    const auto first = OpenFolder(*MakeLyingFileSystem(disk, lies));
    if (!disk.power_is_off()) {
      EXPECT_THAT(first, IsOk());
      EXPECT_GT(step, 10u);
      return wrong;
    }
    for (uint64_t seed = 0; seed < seeds.count(); ++seed) {
      const auto survived = disk.Crash(seed);
      // Opened by a program that is killed, then by one after another crash.
      static_cast<void>(OpenFolder(*MakeLyingFileSystem(*survived, lies)));
      const auto last = survived->Crash(seed + 1'000);
      if (!OpenFolder(*last) || !check(*last).empty()) ++wrong;
    }
    disk.RestorePower();
    EXPECT_THAT(OpenFolder(*MakeLyingFileSystem(disk, lies)), IsOk()) << "step " << step;
    for (uint64_t seed = 0; seed < seeds.count(); ++seed) {
      const auto last = disk.Crash(seed);
      // The folder was said to be open, and an object in it acknowledged.
      const auto format = ReadWholeFile(*last, std::string(kRoot) + "/format", 1000);
      if (!format || !format->starts_with("format: 2\n") || !OpenFolder(*last) ||
          !check(*last).empty()) {
        ++wrong;
      }
    }
  }
}

std::string NothingToFind(FileSystem&) {
  return "";
}

TEST(DataFolderCrashTest, GoesOnWithAFirstStart) {
  EXPECT_EQ(CutAtEachStep({}, [](FileSystem&) {}, NothingToFind), 0);
  EXPECT_GT(CutAtEachStep(
                {.directory_sync = true}, [](FileSystem&) {}, NothingToFind),
            0)
      << "it would find a folder that is not synced";
}

TEST(DataFolderCrashTest, GoesOnWithAMigration) {
  EXPECT_EQ(CutAtEachStep({}, MakeFormat1, MissingObject), 0);
  EXPECT_GT(CutAtEachStep({.directory_sync = true}, MakeFormat1, MissingObject), 0)
      << "it would find a migration that is not synced";
}

constexpr char kFormat1Database[] = R"(
  PRAGMA application_id = 1397508432;
  PRAGMA journal_mode = WAL;
  CREATE TABLE info (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE counters (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL,
                         log_floor INTEGER NOT NULL, log_count INTEGER NOT NULL);
  CREATE TABLE entries (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
  CREATE TABLE changes (version INTEGER PRIMARY KEY, key BLOB NOT NULL, value BLOB NOT NULL,
                        deleted INTEGER NOT NULL, time_ms INTEGER NOT NULL);
  INSERT INTO info VALUES ('epoch', 'fedcba9876543210fedcba9876543210');
  INSERT INTO counters VALUES (1, 1, 0, 1);
  INSERT INTO entries VALUES (x'61', x'31');
  INSERT INTO changes VALUES (1, x'61', x'31', 0, 1700000000000);
  PRAGMA user_version = 1;
)";
constexpr char kDatabase[] = "/data/slipway.db";

void MakeFormat1Database(FaultFileSystem& disk) {
  ASSERT_THAT(disk.MakeDirectories("/data", 0700), IsOk());
  const FileSystemVfs vfs(disk);
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open_v2(kDatabase, &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                            vfs.name().c_str()),
            SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(database, kFormat1Database, nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(database);
  ASSERT_THAT(disk.SyncDirectory("/data"), IsOk());
}

// Opens, which migrates, and reads.
Result<void> OpenDatabase(FaultFileSystem& disk) {
  const FileSystemVfs vfs(disk);
  TRY(store, MakeSqliteMetaStore({.path = kDatabase, .vfs = vfs.name(), .program = "slipway"}));
  TRY(page, store->Changes(0, "", 10));
  EXPECT_EQ(page.changes.size(), 1u);
  EXPECT_EQ(store->epoch(), "fedcba9876543210fedcba9876543210");
  return store->ReadNow([](const Snapshot& s) -> Result<void> {
    TRY(value, s.Get("a"));
    EXPECT_EQ(value, "1");
    return {};
  });
}

TEST(DataFolderCrashTest, GoesOnWithAMigrationOfTheDatabase) {
  const CrashSeeds seeds(40);
  uint64_t step = 1;
  for (;; ++step) {
    FaultFileSystem disk;
    MakeFormat1Database(disk);
    disk.CutPowerAfter(step);
    const auto first = OpenDatabase(disk);
    if (!disk.power_is_off()) break;
    for (uint64_t seed = 0; seed < seeds.count(); ++seed) {
      EXPECT_THAT(OpenDatabase(*disk.Crash(seed)), IsOk()) << "step " << step << " seed " << seed;
    }
    disk.RestorePower();
    EXPECT_THAT(OpenDatabase(disk), IsOk()) << "step " << step;
  }
  EXPECT_GT(step, 10u);
}

}  // namespace
}  // namespace slipway::store
