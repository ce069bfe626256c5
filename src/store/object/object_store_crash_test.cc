// The local object store on a file system that forgets, tears and reorders what was not synced, cut
// at random points.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "base/testing/crash_seeds.h"
#include "base/testing/fault_file_system.h"
#include "base/testing/lying_file_system.h"
#include "base/testing/result_matchers.h"
#include "store/testing/object_store_contract.h"

namespace slipway::store {
namespace {

constexpr uint64_t kSeeds = 5'000;
constexpr int kGenerations = 3;
constexpr uint64_t kMostChanges = 150;

std::string ContentOf(uint64_t number) {
  constexpr size_t kSizes[] = {0, 1, 100, 511, 512, 513, 2'000, 9'000};
  return SomeBytes(kSizes[number % std::size(kSizes)], number);
}

// An upload that the run left: what was sent, and how much of it was said to be durable.
struct LeftUpload {
  std::string content;
  uint64_t synced_bytes = 0;
};

// One seed: several generations of the store on one disk, each ended by a cut of the power, or of
// the program alone.
class CrashRun {
 public:
  CrashRun(uint64_t seed, Lies lies)
      : random_(MakeSeededRandom(seed)), lies_(lies), disk_(std::make_unique<FaultFileSystem>()) {
    EXPECT_THAT(disk_->MakeDirectories("/data", 0700), IsOk());
    // Few, so that many are put again, after uploads that were cut off too.
    contents_ = 1 + Below(24);
  }

  // What went wrong first; empty if nothing did.
  std::string Run() {
    for (int generation = 0; generation < kGenerations && violation_.empty(); ++generation) {
      view_ = MakeLyingFileSystem(*disk_, lies_);
      disk_->CutPowerAfter(1 + random_->Next() % kMostChanges);
      auto store = MakeLocalObjectStore(*view_, "/data");
      if (store) Work(**store);
      if (!store && !disk_->power_is_off()) Violated("the store does not open", store.error());
      store = Result<std::unique_ptr<ObjectStore>>(Unavailable("CLOSED", "closed"));
      Recover();
      Verify();
    }
    return violation_;
  }
  size_t acknowledged() const { return acknowledged_; }

 private:
  uint64_t Below(uint64_t limit) { return random_->Next() % limit; }

  void Violated(std::string what, const Error& error = {}) {
    if (violation_.empty()) violation_ = std::move(what) + ": " + error.ToString();
  }
  // An error is right only once the power is off. True for a success.
  template <class T>
  bool Done(const Result<T>& result, const char* what) {
    if (!result && !disk_->power_is_off()) Violated(what, result.error());
    return result.has_value();
  }

  void Work(ObjectStore& store) {
    while (!disk_->power_is_off() && violation_.empty()) {
      const uint64_t choice = Below(100);
      if (choice < 40) {
        Put(store);
      } else if (choice < 55) {
        Begin(store);
      } else if (choice < 85) {
        Continue(store);
      } else if (choice < 90) {
        PutWrong(store);
      } else if (choice < 95) {
        Abort(store);
      } else {
        Remove(store);
      }
    }
  }

  void Commit(ObjectStore& store, std::unique_ptr<Upload> upload, const std::string& content) {
    ended_.insert(upload->id());
    const auto digest = store.Commit(std::move(upload), Digest::Of(content));
    if (!Done(digest, "commit")) return;
    ++acknowledged_;
    present_.insert_or_assign(*digest, content);
  }

  void Put(ObjectStore& store) {
    const std::string content = ContentOf(Below(contents_));
    auto upload = store.Begin();
    if (!Done(upload, "begin") || !Done((*upload)->Append(content), "append")) return;
    Commit(store, std::move(*upload), content);
  }

  void Begin(ObjectStore& store) {
    auto upload = store.Begin();
    if (Done(upload, "begin")) left_[(*upload)->id()] = {};
  }

  // Goes on with an upload that was left, and leaves it again or ends it.
  void Continue(ObjectStore& store) {
    const auto found = AnyLeft();
    if (found == left_.end()) return;
    auto upload = store.Resume(found->first);
    if (!Done(upload, "resume")) return;
    LeftUpload& left = found->second;
    if ((*upload)->size_bytes() != left.content.size()) return Violated("a resumed upload shrank");
    const std::string more = ContentOf(Below(contents_));
    if (!Done((*upload)->Append(more), "append")) return;
    left.content += more;
    if (Below(2) == 0) {
      if (Done((*upload)->Sync(), "sync")) left.synced_bytes = left.content.size();
    } else if (Below(3) == 0) {
      const std::string content = left.content;
      left_.erase(found);
      Commit(store, std::move(*upload), content);
    }
  }

  void PutWrong(ObjectStore& store) {
    const std::string content = ContentOf(Below(contents_));
    auto upload = store.Begin();
    if (!Done(upload, "begin") || !Done((*upload)->Append(content), "append")) return;
    const auto digest = store.Commit(std::move(*upload), Digest::Of(content + "x"));
    if (digest || (!disk_->power_is_off() && digest.error().reason() != "DIGEST_MISMATCH")) {
      Violated("a commit with a wrong digest", digest.error());
    }
  }

  void Abort(ObjectStore& store) {
    const auto found = AnyLeft();
    if (found == left_.end()) return;
    const std::string id = found->first;
    left_.erase(found);
    Done(store.Abort(id), "abort");
  }

  void Remove(ObjectStore& store) {
    if (present_.empty()) return;
    const auto object = std::next(present_.begin(), static_cast<long>(Below(present_.size())));
    const Digest digest = object->first;
    present_.erase(object);
    Done(store.Remove(digest), "remove");
  }

  std::map<std::string, LeftUpload>::iterator AnyLeft() {
    if (left_.empty()) return left_.end();
    return std::next(left_.begin(), static_cast<long>(Below(left_.size())));
  }

  // Two of three times the machine lost its power, else only the program ended.
  void Recover() {
    if (Below(3) == 0) {
      disk_->RestorePower();
    } else {
      disk_ = disk_->Crash(random_->Next());
    }
    view_ = MakeLyingFileSystem(*disk_, lies_);
  }

  void Verify() {
    if (!violation_.empty()) return;
    auto store = MakeLocalObjectStore(*view_, "/data");
    if (!Done(store, "the store does not open again")) return;
    for (const auto& [digest, content] : present_) {
      const auto found = GetObject(**store, digest, 1 << 20);
      if (!Done(found, "an acknowledged object is lost")) return;
      if (*found != content) return Violated("an acknowledged object is damaged");
    }
    VerifyEveryObject(**store);
    SpoilEndedUploads(**store);
    FinishUploads(**store);
    VerifyEveryObject(**store);
    if (Below(2) == 0) return;
    Done((*store)->RemoveStaleUploads(UINT64_MAX / 2), "remove stale uploads");
    Done(PutObject(**store, "works again"), "put");
  }

  void VerifyEveryObject(ObjectStore& store) {
    Done(ForEachObject(store,
                       [&](const Digest& digest, const ObjectInfo&) -> Result<void> {
                         TRY(content, GetObject(store, digest, 1 << 20));
                         if (Digest::Of(content) != digest)
                           Violated("a half-done object is visible");
                         return {};
                       }),
         "visit");
  }

  // Uploads that were being committed: a sender who does not know that writes on.
  void SpoilEndedUploads(ObjectStore& store) {
    for (const std::string& id : std::exchange(ended_, {})) {
      auto upload = store.Resume(id);
      if (!upload) continue;
      Done((*upload)->Append("more"), "append");
      Done(store.Abort(id), "abort");
    }
  }

  // What was synced of an upload can be gone on with; the sender sends the rest again.
  void FinishUploads(ObjectStore& store) {
    for (const auto& [id, left] : std::exchange(left_, {})) {
      auto upload = store.Resume(id);
      if (!upload && left.synced_bytes == 0 && upload.error().reason() == "UPLOAD_UNKNOWN")
        continue;
      if (!Done(upload, "a synced upload is lost")) return;
      const uint64_t have = (*upload)->size_bytes();
      if (have < left.synced_bytes || have > left.content.size()) {
        return Violated("a resumed upload has the wrong size");
      }
      if (!Done((*upload)->Append(std::string_view(left.content).substr(have)), "append")) return;
      Commit(store, std::move(*upload), left.content);
    }
  }

  const std::unique_ptr<Random> random_;
  const Lies lies_;
  uint64_t contents_ = 0;
  std::unique_ptr<FaultFileSystem> disk_;
  std::unique_ptr<FileSystem> view_;
  std::string violation_;
  size_t acknowledged_ = 0;
  // Acknowledged, and no removal was tried.
  std::map<Digest, std::string> present_;
  std::map<std::string, LeftUpload> left_;
  std::set<std::string> ended_;
};

// Seeds with a violation.
uint64_t CountViolations(const CrashSeeds& seeds, Lies lies) {
  uint64_t count = 0;
  for (uint64_t seed = seeds.begin; seed < seeds.end; ++seed) {
    if (!CrashRun(seed, lies).Run().empty()) ++count;
  }
  return count;
}

TEST(ObjectStoreCrashTest, KeepsWhatWasAcknowledgedAndShowsNothingHalfDone) {
  const CrashSeeds seeds(kSeeds);
  size_t acknowledged = 0;
  for (uint64_t seed = seeds.begin; seed < seeds.end; ++seed) {
    CrashRun run(seed, {});
    ASSERT_EQ(run.Run(), "") << "seed " << seed;
    acknowledged += run.acknowledged();
  }
  ReportSummary(fmt::format("object store: {} seeds from {}, {} acknowledged commits, 0 violations",
                            seeds.count(), seeds.begin, acknowledged));
}

// The suite above can fail: it finds a store whose disk does not sync.
TEST(ObjectStoreCrashTest, FindsAStoreThatDoesNotSync) {
  const CrashSeeds seeds(2'000);
  const uint64_t files = CountViolations(seeds, {.file_sync = true});
  const uint64_t folders = CountViolations(seeds, {.directory_sync = true});
  ReportSummary(
      fmt::format("object store that lies: of {} seeds, {} violations without file syncs, {} "
                  "without folder syncs",
                  seeds.count(), files, folders));
  EXPECT_GT(files, seeds.count() / 4);
  EXPECT_GT(folders, seeds.count() / 4);
}

class FullDiskTest : public testing::Test {
 protected:
  FaultFileSystem files_;
  std::unique_ptr<ObjectStore> store_ = *MakeLocalObjectStore(files_, "/data");
};

TEST_F(FullDiskTest, IsAClearErrorAndLosesNothing) {
  const auto kept = PutObject(*store_, "kept");
  const std::string large = SomeBytes(100'000, 1);
  files_.SetCapacity(files_.used_bytes() + 50'000);

  auto upload = *store_->Begin();
  ASSERT_THAT(upload->Append(large.substr(0, 40'000)), IsOk());
  const Result<void> full = upload->Append(large.substr(40'000));
  ASSERT_THAT(full, IsError(Code::kResourceExhausted, "DISK_FULL"));
  EXPECT_THAT(full.error().message(), testing::Not(testing::HasSubstr("/data")))
      << "paths are for the log";
  EXPECT_NE(full.error().cause(), nullptr);
  EXPECT_EQ(upload->size_bytes(), 40'000u) << "nothing of the failed part counts";
  EXPECT_EQ(*GetObject(*store_, *kept, 100), "kept");

  // The same upload goes on when there is room, from where it was.
  files_.SetCapacity(1 << 20);
  ASSERT_THAT(upload->Append(large.substr(40'000)), IsOk());
  const auto digest = store_->Commit(std::move(upload), Digest::Of(large));
  ASSERT_THAT(digest, IsOk());
  EXPECT_EQ(*GetObject(*store_, *digest, 1 << 20), large);
}

TEST_F(FullDiskTest, PublishesOnlyWhatWasAppended) {
  files_.SetCapacity(files_.used_bytes() + 10'000);
  auto upload = *store_->Begin();
  ASSERT_THAT(upload->Append("whole"), IsOk());
  ASSERT_THAT(upload->Append(std::string(20'000, 'x')),
              IsError(Code::kResourceExhausted, "DISK_FULL"));
  // Bytes of the failed part are in the file.
  files_.SetCapacity(1 << 20);
  const auto digest = store_->Commit(std::move(upload), Digest::Of("whole"));
  ASSERT_THAT(digest, IsOk());
  EXPECT_EQ(*GetObject(*store_, *digest, 1 << 20), "whole");
}

TEST_F(FullDiskTest, LeavesTheReserveToOthers) {
  uint64_t room = 150'000;
  const auto store = *MakeLocalObjectStore(
      files_, "/reserved",
      {.bytes = 100'000, .free_bytes = [&room] { return Result<uint64_t>(room); }});
  auto upload = *store->Begin();
  ASSERT_THAT(upload->Append(std::string(50'000, 'x')), IsOk());
  room = 149'999;
  const Result<void> full = upload->Append(std::string(50'000, 'x'));
  ASSERT_THAT(full, IsError(Code::kResourceExhausted, "DISK_FULL"));
  EXPECT_THAT(full.error().message(), testing::HasSubstr("100000 bytes"));
  EXPECT_EQ(upload->size_bytes(), 50'000u);
  room = 10;
  EXPECT_THAT(upload->Append("x"), IsError(Code::kResourceExhausted, "DISK_FULL"));
  room = 150'000;
  ASSERT_THAT(upload->Append(std::string(50'000, 'x')), IsOk()) << "it goes on when there is room";
  EXPECT_THAT(store->Commit(std::move(upload), Digest::Of(std::string(100'000, 'x'))), IsOk());
}

TEST_F(FullDiskTest, RefusesToBegin) {
  files_.SetCapacity(files_.used_bytes());
  EXPECT_THAT(store_->Begin(), IsError(Code::kResourceExhausted, "DISK_FULL"));
  EXPECT_THAT(PutObject(*store_, "x"), IsError(Code::kResourceExhausted, "DISK_FULL"));
  files_.SetCapacity(1 << 20);
  EXPECT_THAT(PutObject(*store_, "x"), IsOk());
}

TEST_F(FullDiskTest, LosesAnUploadWhoseSyncFailed) {
  auto upload = *store_->Begin();
  const std::string id = upload->id();
  ASSERT_THAT(upload->Append("content"), IsOk());
  files_.FailNextSync();
  EXPECT_THAT(upload->Sync(), IsError(Code::kInternal, "SYSTEM"));
  EXPECT_THAT(upload->Append("more"), IsError(Code::kInternal, "SYSTEM"));
  EXPECT_THAT(upload->Sync(), IsError(Code::kInternal, "SYSTEM"));
  EXPECT_THAT(store_->Commit(std::move(upload), std::nullopt), IsError(Code::kInternal, "SYSTEM"));
  EXPECT_THAT(store_->Resume(id), IsError(Code::kNotFound, "UPLOAD_UNKNOWN"));
}

TEST_F(FullDiskTest, PublishesNothingWhoseSyncFailed) {
  auto upload = *store_->Begin();
  ASSERT_THAT(upload->Append("content"), IsOk());
  files_.FailNextSync();
  EXPECT_THAT(store_->Commit(std::move(upload), std::nullopt), IsError(Code::kInternal, "SYSTEM"));
  EXPECT_THAT(store_->Info(Digest::Of("content")), IsError(Code::kNotFound, "BLOB_UNKNOWN"));
  EXPECT_THAT(PutObject(*store_, "content"), IsOk());
}

}  // namespace
}  // namespace slipway::store
