#include "base/file_lock.h"

#include <optional>
#include <thread>

#include <gtest/gtest.h>

#include "base/testing/result_matchers.h"
#include "base/testing/temporary_folder.h"

namespace slipway {
namespace {

class FileLockTest : public ::testing::Test {
 protected:
  // Each with a descriptor of its own, as another process would have.
  std::unique_ptr<File> Open() {
    return PosixFileSystem().Open(folder_ / "lock", {.write = true, .create = true}).value();
  }
  bool IsFree(FileLock::Mode mode) { return FileLock::Try(Open(), mode).value().has_value(); }

  TemporaryFolder folder_;
};

TEST_F(FileLockTest, ExclusiveExcludesAll) {
  std::optional<FileLock> lock = FileLock::Wait(Open(), FileLock::Mode::kExclusive).value();
  EXPECT_FALSE(IsFree(FileLock::Mode::kExclusive));
  EXPECT_FALSE(IsFree(FileLock::Mode::kShared));
  lock.reset();
  EXPECT_TRUE(IsFree(FileLock::Mode::kExclusive));
}

TEST_F(FileLockTest, SharedIsShared) {
  std::optional<FileLock> lock = FileLock::Wait(Open(), FileLock::Mode::kShared).value();
  EXPECT_TRUE(IsFree(FileLock::Mode::kShared));
  EXPECT_FALSE(IsFree(FileLock::Mode::kExclusive));
  const FileLock moved = *std::move(lock);
  lock = std::nullopt;
  EXPECT_FALSE(IsFree(FileLock::Mode::kExclusive));
  EXPECT_GE(moved.file().descriptor(), 0);
}

TEST_F(FileLockTest, WaitsUntilItIsFree) {
  std::optional<FileLock> lock = FileLock::Wait(Open(), FileLock::Mode::kExclusive).value();
  std::optional<FileLock> other;
  std::thread waiting([&] { other = FileLock::Wait(Open(), FileLock::Mode::kExclusive).value(); });
  lock.reset();
  waiting.join();
  EXPECT_TRUE(other.has_value());
  EXPECT_FALSE(IsFree(FileLock::Mode::kShared));
}

}  // namespace
}  // namespace slipway
