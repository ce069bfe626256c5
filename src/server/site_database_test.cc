#include "server/site_database.h"

#include <algorithm>
#include <span>
#include <string>

#include <gtest/gtest.h>

#include "agent/site_record.h"
#include "base/file_system.h"
#include "base/random.h"
#include "base/testing/result_matchers.h"
#include "base/testing/temporary_folder.h"
#include "runtime/fake/fake_driver.h"
#include "runtime/site_folder.h"

namespace slipway::server {
namespace {

constexpr size_t kPageBytes = 4096;
constexpr size_t kHeadBytes = 100;  // of the file: what is damaged there is no database at all
constexpr std::string_view kBuild = "a-build-id-that-the-record-holds";

class SiteDatabaseTest : public testing::Test {
 protected:
  Result<std::unique_ptr<store::MetaStore>> Open() {
    return OpenSiteDatabase({.folder = folder_.path(), .grace = std::chrono::milliseconds(10)},
                            driver_, clock_);
  }

  // A database with a record in it, closed.
  void Make() {
    for (const std::string& name : *files_.List(folder_.path())) {
      EXPECT_THAT(files_.Remove(folder_ / name), IsOk());
    }
    const auto site = Open();
    EXPECT_THAT(site, IsOk());
    const auto records = agent::SiteRecords::Open(**site);
    EXPECT_THAT(records, IsOk());
    EXPECT_THAT((*records)->Update([](agent::SiteRecord& record) {
      record.current = {.handle = {.id = "pid-1"}, .build_id = std::string(kBuild)};
    }),
                IsOk());
  }

  std::string Bytes() { return *ReadWholeFile(files_, path_, 1 << 20); }

  // Writes the bytes in the place of the database and opens it: the build id that its record names,
  // or nothing where there is none.
  std::string Reopen(const std::string& bytes) {
    EXPECT_THAT(WriteFileDurably(files_, path_, bytes), IsOk());
    const auto site = Open();
    EXPECT_THAT(site, IsOk());
    if (!site) return {};
    const auto records = agent::SiteRecords::Open(**site);
    EXPECT_THAT(records, IsOk());
    if (!records) return {};
    // It takes what is to be remembered next.
    EXPECT_THAT((*records)->Update([](agent::SiteRecord& record) { record.retiring.clear(); }),
                IsOk());
    const auto current = (*records)->Get().current;
    return current ? current->build_id : std::string();
  }

  size_t MovedAside() {
    const std::vector<std::string> names = *files_.List(folder_.path());
    return static_cast<size_t>(std::ranges::count_if(
        names, [](const std::string& name) { return name.starts_with("site.db.damaged-"); }));
  }

  const TemporaryFolder folder_;
  const std::string path_ = runtime::SiteDatabasePath(folder_.path());
  FileSystem& files_ = PosixFileSystem();
  FakeClock clock_;
  runtime::FakeDriver driver_;
};

TEST_F(SiteDatabaseTest, OneThatIsWholeIsKept) {
  Make();
  EXPECT_EQ(Reopen(Bytes()), kBuild);
  EXPECT_EQ(MovedAside(), 0U);
}

TEST_F(SiteDatabaseTest, DamagedPagesAreMovedAside) {
  for (uint64_t seed = 0; seed < 8; ++seed) {
    Make();
    std::string bytes = Bytes();
    ASSERT_GT(bytes.size(), kPageBytes);
    const auto random = MakeSeededRandom(seed);
    const size_t page = random->Next() % (bytes.size() / kPageBytes);
    const size_t at = page == 0 ? kHeadBytes : page * kPageBytes;
    random->Fill(std::as_writable_bytes(std::span(bytes)).subspan(at, 256));
    EXPECT_EQ(Reopen(bytes), "") << "seed " << seed;
    EXPECT_GE(MovedAside(), 1U) << "seed " << seed;
  }
}

TEST_F(SiteDatabaseTest, DamageAnywhereNeverStopsTheStart) {
  for (uint64_t seed = 100; seed < 140; ++seed) {
    Make();
    std::string bytes = Bytes();
    const auto random = MakeSeededRandom(seed);
    for (int i = 0; i < 3; ++i) {
      const size_t at = kHeadBytes + random->Next() % (bytes.size() - kHeadBytes - 256);
      random->Fill(std::as_writable_bytes(std::span(bytes)).subspan(at, 256));
    }
    const std::string build = Reopen(bytes);
    EXPECT_TRUE(build == kBuild || build.empty()) << "seed " << seed;
  }
}

TEST_F(SiteDatabaseTest, ARecordThatCannotBeReadIsMovedAside) {
  Make();
  std::string bytes = Bytes();
  const size_t at = bytes.find("buildId");
  ASSERT_NE(at, std::string::npos);
  bytes.replace(at, 12, "\xff\xff\xff\xff\"\"\"\"\xff\xff\xff\xff");
  EXPECT_EQ(Reopen(bytes), "");
  EXPECT_EQ(MovedAside(), 1U);
}

TEST_F(SiteDatabaseTest, ARecordOfANewerProgramIsRefusedAndStays) {
  Make();
  std::string bytes = Bytes();
  const size_t at = bytes.find("\"format\":1");
  ASSERT_NE(at, std::string::npos);
  bytes.replace(at, 10, "\"format\":9");
  ASSERT_THAT(WriteFileDurably(files_, path_, bytes), IsOk());
  EXPECT_THAT(Open(), IsError(Code::kFailedPrecondition, "FORMAT_NEWER"));
  EXPECT_EQ(MovedAside(), 0U);
}

}  // namespace
}  // namespace slipway::server
