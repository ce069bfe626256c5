// The reserve, and deletions on a disk without any room.
#include "store/room_reserve.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/fault_file_system.h"
#include "base/testing/result_matchers.h"
#include "store/meta/meta_store.h"
#include "store/testing/file_system_vfs.h"

namespace slipway::store {
namespace {

constexpr uint64_t kReserve = 400'000;
constexpr uint64_t kDisk = 3'000'000;

class RoomReserveTest : public testing::Test {
 protected:
  RoomReserveTest() {
    EXPECT_THAT(disk_.MakeDirectories("/data", 0700), IsOk());
    SetCapacity(kDisk);
    reserve_ = OpenReserve();
    OpenStore();
  }
  uint64_t Free() const { return capacity_ - std::min(disk_.used_bytes(), capacity_); }
  void SetCapacity(uint64_t capacity) {
    capacity_ = capacity;
    disk_.SetCapacity(capacity);
  }
  std::unique_ptr<RoomReserve> OpenReserve() {
    return RoomReserve::Open(disk_, "/data/reserve", kReserve,
                             [this] { return Result<uint64_t>(Free()); });
  }
  void OpenStore() {
    store_.reset();
    store_ = *MakeSqliteMetaStore(
        {.path = "/data/test.db", .readers = 1, .vfs = vfs_.name(), .checkpoint_pages = 20},
        reserve_.get());
  }
  Result<void> Put(const std::string& key) {
    return store_->MutateNow({},
                             [&](Transaction& t) { return t.Put(key, std::string(9'000, 'x')); });
  }
  Result<void> Delete(const std::string& key) {
    return store_->MutateNow({}, [&](Transaction& t) { return t.Delete(key); });
  }
  // Puts until nothing more fits; how many keys there are.
  int Fill() {
    int count = 0;
    const auto put_all = [&] {
      const int before = count;
      while (Put("key/" + std::to_string(count))) ++count;
      return count > before;
    };
    put_all();
    // Somebody else takes the rest, to the last byte; what the files still have in them is used.
    do {
      SetCapacity(disk_.used_bytes());
    } while (put_all());
    return count;
  }

  uint64_t capacity_ = 0;
  FaultFileSystem disk_;
  FileSystemVfs vfs_{disk_};
  std::unique_ptr<RoomReserve> reserve_;
  std::unique_ptr<MetaStore> store_;
};

TEST_F(RoomReserveTest, DeletionsWorkOnAFullDisk) {
  const int count = Fill();
  ASSERT_GT(count, 50);
  EXPECT_FALSE(reserve_->released());
  for (int i = 0; i < count; ++i) {
    ASSERT_THAT(Delete("key/" + std::to_string(i)), IsOk()) << i << " of " << count;
  }
  EXPECT_TRUE(reserve_->given_up());
  EXPECT_THAT(Put("more"), IsError(Code::kResourceExhausted, "DISK_FULL"))
      << "what is left is for deletions";
  SetCapacity(2 * kDisk);
  ASSERT_THAT(Put("more"), IsOk());
  EXPECT_FALSE(reserve_->released());
  EXPECT_EQ(disk_.Info("/data/reserve")->size_bytes, kReserve);
}

// What is known to be a deletion may write more than it removes: a tag goes, and leaves a line of
// history behind.
TEST_F(RoomReserveTest, DeletionsThatSaySoMayWrite) {
  ASSERT_GT(Fill(), 50);
  const auto remove = [&](bool says_so) {
    return store_->MutateNow({}, [&](Transaction& t) -> Result<void> {
      if (says_so) t.MarkDeletion();
      TRY_VOID(t.Delete("key/7"));
      TRY_VOID(t.Put("history/1", std::string(5'000, 'x')));
      TRY_VOID(t.Put("history/2", std::string(5'000, 'x')));
      return {};
    });
  };
  EXPECT_THAT(remove(false), IsError(Code::kResourceExhausted, "DISK_FULL"));
  EXPECT_THAT(remove(true), IsOk());
  EXPECT_TRUE(reserve_->given_up());
  EXPECT_THAT(remove(false), IsError(Code::kResourceExhausted, "DISK_FULL"));
  EXPECT_THAT(remove(true), IsOk()) << "also when the reserve is given up";
}

// More deletions than log and reserve hold: the log begins anew, again and again.
TEST_F(RoomReserveTest, DeletionsGoOnInAShortLog) {
  ASSERT_GT(Fill(), 50);
  SetCapacity(2 * kDisk);
  store_.reset();
  store_ = *MakeSqliteMetaStore({.path = "/data/test.db", .readers = 1, .vfs = vfs_.name()},
                                reserve_.get());
  SetCapacity(disk_.used_bytes());
  for (int i = 0; i < 500; ++i) {
    ASSERT_THAT(store_->MutateNow({},
                                  [&](Transaction& t) -> Result<void> {
                                    t.MarkDeletion();
                                    return t.Put("key/" + std::to_string(i % 50),
                                                 std::string(9'000, static_cast<char>(i)));
                                  }),
                IsOk())
        << i;
  }
}

TEST_F(RoomReserveTest, OthersOfTheSameBatchAreRefused) {
  const int count = Fill();
  ASSERT_GT(count, 1);
  EXPECT_THAT(Delete("key/0"), IsOk());
  EXPECT_THAT(Put("key/0"), IsError(Code::kResourceExhausted, "DISK_FULL"));
  ASSERT_THAT(store_->ReadNow([&](const Snapshot& snapshot) -> Result<void> {
    EXPECT_EQ(snapshot.Scan("key/", "key0", 10'000)->size(), static_cast<size_t>(count - 1));
    return {};
  }),
              IsOk());
}

TEST_F(RoomReserveTest, WhatWasGivenUpIsForDeletionsAfterARestartToo) {
  ASSERT_TRUE(reserve_->Release());
  EXPECT_FALSE(reserve_->Release());
  store_.reset();
  SetCapacity(disk_.used_bytes() + kReserve);
  reserve_ = OpenReserve();
  EXPECT_TRUE(reserve_->released()) << "twice as much is needed";
  EXPECT_TRUE(reserve_->given_up());
  OpenStore();
  EXPECT_EQ(Put("a").error().reason(), "DISK_FULL");
  EXPECT_THAT(Delete("a"), IsOk());
  SetCapacity(kDisk);
  EXPECT_THAT(Put("a"), IsOk()) << "it is made again as soon as somebody writes";
  EXPECT_FALSE(reserve_->released());
  EXPECT_FALSE(OpenReserve()->released());
}

TEST_F(RoomReserveTest, OneThatWasNeverHeldRefusesNobody) {
  store_.reset();
  ASSERT_THAT(disk_.Remove("/data/reserve"), IsOk());
  SetCapacity(disk_.used_bytes() + kReserve);
  reserve_ = OpenReserve();
  EXPECT_TRUE(reserve_->released());
  EXPECT_FALSE(reserve_->given_up());
  OpenStore();
  EXPECT_THAT(Put("a"), IsOk());
}

TEST_F(RoomReserveTest, AFileOfAnotherSizeIsMadeAnew) {
  ASSERT_THAT((*disk_.Open("/data/reserve", {.write = true}))->Truncate(7), IsOk());
  EXPECT_FALSE(OpenReserve()->released());
  EXPECT_EQ(disk_.Info("/data/reserve")->size_bytes, kReserve);
}

}  // namespace
}  // namespace slipway::store
