#include "klever/upload/upload_desk.h"

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <set>
#include <thread>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/crash_seeds.h"
#include "base/testing/fault_file_system.h"
#include "base/testing/result_matchers.h"
#include "base/testing/temporary_folder.h"
#include "klever/limits.h"

namespace slipway::klever {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr uint64_t kTotal = 4000;

std::string Content() {
  std::string content(kTotal, '\0');
  for (size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 7 % 251 + 1);
  return content;
}

UploadRecord Wanted(const std::string& subject = "token/ada", const std::string& version = "v1") {
  return {.repository = "default/m",
          .version = version,
          .subject = subject,
          .total_bytes = kTotal,
          .model = {},
          .sha256 = {},
          .ranges = {}};
}

class UploadDeskTest : public ::testing::Test {
 protected:
  std::unique_ptr<UploadDesk> Desk(FileSystem& files, store::DiskReserve reserve = {}) {
    return std::make_unique<UploadDesk>(files, *random_, "/data/klever", std::move(reserve));
  }

  static Result<void> Send(const std::shared_ptr<ChunkedUpload>& upload, Span span,
                           const std::string& content = Content()) {
    TRY(chunk, UploadChunk::Begin(upload, span));
    TRY_VOID(chunk->Write(std::string_view(content).substr(span.begin, span.size_bytes())));
    return chunk->Keep();
  }

  // The bytes that the record names, as the disk has them.
  static void ExpectPromised(FileSystem& files, const ChunkedUpload& upload) {
    auto data = files.Open(upload.data_path(), {});
    ASSERT_THAT(data, IsOk());
    for (const Span& span : upload.present().spans()) {
      std::string bytes(span.size_bytes(), '\0');
      const auto count = (*data)->ReadAt(span.begin, bytes.data(), bytes.size());
      ASSERT_THAT(count, IsOk());
      EXPECT_EQ(bytes, Content().substr(span.begin, span.size_bytes()));
    }
  }

  FaultFileSystem files_;
  std::unique_ptr<Random> random_ = MakeSeededRandom(1);
};

TEST_F(UploadDeskTest, ChunksOfAnyOrderMakeTheFile) {
  auto desk = Desk(files_);
  auto upload = desk->FindOrBegin(Wanted());
  ASSERT_THAT(upload, IsOk());
  for (const Span span : {Span{3000, 4000}, Span{0, 1000}, Span{900, 2000}}) {
    ASSERT_THAT(Send(*upload, span), IsOk());
    EXPECT_FALSE((*upload)->complete());
  }
  EXPECT_THAT((*upload)->present().Missing(kTotal), ElementsAre(Span{2000, 3000}));
  ASSERT_THAT(Send(*upload, {2000, 3000}), IsOk());
  EXPECT_TRUE((*upload)->complete());
  ExpectPromised(files_, **upload);
  EXPECT_TRUE((*upload)->BeginFinish());
  EXPECT_FALSE((*upload)->BeginFinish());
  EXPECT_EQ(UploadChunk::Begin(*upload, {0, 1}).error().reason(), "UPLOAD_BUSY");
  ASSERT_THAT(desk->Remove(**upload), IsOk());
  EXPECT_EQ(UploadChunk::Begin(*upload, {0, 1}).error().reason(), "UPLOAD_GONE");
  EXPECT_EQ(*desk->Find("default/m", "v1", ""), nullptr);
}

TEST_F(UploadDeskTest, WhatContradictsIsAConflict) {
  auto desk = Desk(files_);
  auto upload = *desk->FindOrBegin(Wanted());
  ASSERT_THAT(Send(upload, {0, 1000}), IsOk());
  EXPECT_EQ(desk->FindOrBegin(Wanted("token/eve")).error().reason(), "UPLOAD_CONFLICT");
  EXPECT_EQ(desk->Find("default/m", "v1", "token/eve").error().reason(), "UPLOAD_CONFLICT");
  UploadRecord larger = Wanted();
  larger.total_bytes = kTotal + 1;
  EXPECT_EQ(desk->FindOrBegin(larger).error().reason(), "UPLOAD_CONFLICT");
  EXPECT_THAT(Send(upload, {500, 1500}), IsOk());
  EXPECT_EQ(Send(upload, {1400, 1600}, std::string(kTotal, 'x')).error().reason(),
            "UPLOAD_CONFLICT");
  ExpectPromised(files_, *upload);
  EXPECT_EQ(upload->present().size_bytes(), 1500U);
  EXPECT_THAT(desk->FindOrBegin(Wanted("token/eve", "v2")), IsOk());
}

TEST_F(UploadDeskTest, WordsMayChangeOnlyWhenAllBytesAreThere) {
  auto upload = *Desk(files_)->FindOrBegin(Wanted());
  ASSERT_THAT(upload->State("{}", Digest::Of("a")), IsOk());
  EXPECT_THAT(upload->State("", std::nullopt), IsOk());
  EXPECT_EQ(upload->State("{\"a\":1}", std::nullopt).error().reason(), "UPLOAD_CONFLICT");
  ASSERT_THAT(Send(upload, {0, kTotal}), IsOk());
  EXPECT_THAT(upload->State("{\"a\":1}", std::nullopt), IsOk());
  EXPECT_EQ(upload->record().model, "{\"a\":1}");
  EXPECT_EQ(upload->State("", Digest::Of("b")).error().reason(), "UPLOAD_CONFLICT");
}

TEST_F(UploadDeskTest, TheSameBytesAreSentByOneRequestAtATime) {
  auto upload = *Desk(files_)->FindOrBegin(Wanted());
  auto first = UploadChunk::Begin(upload, {0, 1000});
  auto second = UploadChunk::Begin(upload, {1000, 2000});
  ASSERT_THAT(first, IsOk());
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(UploadChunk::Begin(upload, {999, 1001}).error().reason(), "UPLOAD_BUSY");
  EXPECT_FALSE(upload->BeginRemovalOfNothing());
  first->reset();
  EXPECT_THAT(UploadChunk::Begin(upload, {0, 1000}), IsOk());
  EXPECT_EQ(UploadChunk::Begin(upload, {999, 1001}).error().reason(), "UPLOAD_BUSY");
  second->reset();
  EXPECT_TRUE(upload->BeginRemovalOfNothing());
}

// Who sends while it is cancelled is told so, and of no file that is missing.
TEST_F(UploadDeskTest, CancelledUnderWhoSends) {
  const TemporaryFolder folder;
  UploadDesk desk(PosixFileSystem(), SystemRandom(), folder.path() + "/klever", {});
  std::atomic<bool> is_over = false;
  std::vector<std::thread> senders;
  Guarded<std::set<std::string>> reasons;
  for (uint64_t begin = 0; begin < 3; ++begin) {
    senders.emplace_back([&, begin] {
      while (!is_over) {
        auto upload = desk.FindOrBegin(Wanted());
        const Result<void> sent =
            upload ? Send(*upload, {begin * 10, begin * 10 + 10}) : upload.error();
        if (!sent) reasons.With([&](auto& all) { all.emplace(sent.error().reason()); });
      }
    });
  }
  for (int cancelled = 0; cancelled < 100;) {
    auto upload = desk.Find("default/m", "v1", "");
    if (!upload || !*upload || !(*upload)->BeginFinish()) continue;
    EXPECT_THAT(desk.Remove(**upload), IsOk());
    ++cancelled;
  }
  is_over = true;
  for (std::thread& sender : senders) sender.join();
  reasons.With([](auto& all) {
    for (const char* expected : {"UPLOAD_GONE", "UPLOAD_BUSY"}) all.erase(expected);
    EXPECT_THAT(all, IsEmpty());
  });
}

TEST_F(UploadDeskTest, AChunkIsNoLargerThanItSays) {
  auto upload = *Desk(files_)->FindOrBegin(Wanted());
  auto chunk = UploadChunk::Begin(upload, {0, 10});
  ASSERT_THAT(chunk, IsOk());
  ASSERT_THAT((*chunk)->Write(Content().substr(0, 6)), IsOk());
  EXPECT_EQ((*chunk)->missing_bytes(), 4U);
  EXPECT_EQ((*chunk)->Write(Content().substr(6, 5)).error().reason(), "SIZE_INVALID");
  // What came is of use.
  ASSERT_THAT((*chunk)->Keep(), IsOk());
  EXPECT_THAT(upload->present().spans(), ElementsAre(Span{0, 6}));
}

TEST_F(UploadDeskTest, TheReserveStaysFree) {
  uint64_t free_bytes = 1500;
  auto desk =
      Desk(files_, {.bytes = 1000, .free_bytes = [&]() -> Result<uint64_t> { return free_bytes; }});
  auto upload = *desk->FindOrBegin(Wanted());
  EXPECT_EQ(Send(upload, {0, 501}).error().reason(), "DISK_FULL");
  EXPECT_THAT(upload->present().spans(), IsEmpty());
  EXPECT_THAT(Send(upload, {0, 500}), IsOk());
}

TEST_F(UploadDeskTest, OnlyWhatNobodyUsesExpires) {
  auto desk = Desk(files_);
  auto used = *desk->FindOrBegin(Wanted());
  ASSERT_THAT(desk->FindOrBegin(Wanted("token/ada", "v2")), IsOk());
  EXPECT_EQ(*desk->RemoveStale(INT64_MIN), 0U);
  EXPECT_EQ(*desk->RemoveStale(INT64_MAX), 1U);
  EXPECT_EQ(*desk->Find("default/m", "v2", ""), nullptr);
  EXPECT_THAT(Send(used, {0, 10}), IsOk());
  used.reset();
  EXPECT_EQ(*desk->RemoveStale(INT64_MAX), 1U);
}

TEST_F(UploadDeskTest, OneSubjectLeavesRoomForOthers) {
  auto desk = Desk(files_);
  for (size_t i = 0; i < kMaxUploadsOfSubject; ++i) {
    ASSERT_THAT(desk->FindOrBegin(Wanted("token/eve", "v" + std::to_string(i))), IsOk()) << i;
  }
  // Also by a program that was started meanwhile.
  for (int start = 0; start < 2; ++start) {
    const auto more = desk->FindOrBegin(Wanted("token/eve", "more"));
    ASSERT_FALSE(more.has_value());
    EXPECT_EQ(more.error().code(), Code::kResourceExhausted);
    EXPECT_EQ(more.error().reason(), "UPLOADS_OF_SUBJECT");
    EXPECT_THAT(more.error().message(), HasSubstr("DELETE"));
    EXPECT_THAT(more.error().detail("uploads"), HasSubstr("default/m:v"));
    EXPECT_THAT(desk->FindOrBegin(Wanted("token/eve", "v1")), IsOk());
    auto other = desk->FindOrBegin(Wanted("token/ada", "ada"));
    ASSERT_THAT(other, IsOk());
    ASSERT_THAT(desk->Remove(**other), IsOk());
    desk = Desk(files_);
  }
  // What ended or expired counts no more.
  ASSERT_THAT(desk->Remove(**desk->Find("default/m", "v1", "token/eve")), IsOk());
  EXPECT_THAT(desk->FindOrBegin(Wanted("token/eve", "more")), IsOk());
  EXPECT_EQ(desk->FindOrBegin(Wanted("token/eve", "again")).error().reason(), "UPLOADS_OF_SUBJECT");
  EXPECT_EQ(*desk->RemoveStale(INT64_MAX), kMaxUploadsOfSubject);
  EXPECT_THAT(desk->FindOrBegin(Wanted("token/eve", "again")), IsOk());
}

TEST_F(UploadDeskTest, ThereAreSoManyUploadsOfAll) {
  auto desk = Desk(files_);
  for (size_t i = 0; i < kMaxUploads; ++i) {
    const std::string subject = "token/" + std::to_string(i / kMaxUploadsOfSubject);
    ASSERT_THAT(desk->FindOrBegin(Wanted(subject, "v" + std::to_string(i))), IsOk()) << i;
  }
  EXPECT_EQ(desk->FindOrBegin(Wanted("token/ada", "more")).error().reason(), "UPLOADS_FULL");
  ASSERT_THAT(desk->Remove(**desk->Find("default/m", "v7", "")), IsOk());
  EXPECT_THAT(desk->FindOrBegin(Wanted("token/ada", "more")), IsOk());
}

// A record that cannot be read is nobody's, and keeps nobody from his own.
TEST_F(UploadDeskTest, ADamagedRecordHindersNobody) {
  ASSERT_THAT(Desk(files_)->FindOrBegin(Wanted("token/ada", "damaged")), IsOk());
  const std::string folder = "/data/klever/uploads/" + files_.List("/data/klever/uploads")->at(0);
  ASSERT_THAT(WriteFileDurably(files_, folder + "/record.json", "{"), IsOk());
  auto desk = Desk(files_);
  EXPECT_THAT(desk->FindOrBegin(Wanted()), IsOk());
  // Its version is begun anew.
  auto anew = desk->FindOrBegin(Wanted("token/eve", "damaged"));
  ASSERT_THAT(anew, IsOk());
  EXPECT_THAT((*anew)->present().spans(), IsEmpty());
  EXPECT_THAT(Send(*anew, {0, 10}), IsOk());
}

TEST_F(UploadDeskTest, GapsAreFilledWhenThereMayBeNoMore) {
  auto desk = Desk(files_);
  UploadRecord wanted = Wanted();
  wanted.total_bytes = 3 * kMaxRanges;
  wanted.ranges.clear();
  for (uint64_t i = 0; i < kMaxRanges; ++i) wanted.ranges.push_back({2 * i, 2 * i});
  auto upload = *desk->FindOrBegin(wanted);
  ASSERT_EQ(upload->present().spans().size(), kMaxRanges);
  EXPECT_EQ(UploadChunk::Begin(upload, {2 * kMaxRanges, 2 * kMaxRanges + 1}).error().reason(),
            "UPLOAD_CHUNKS");
  EXPECT_THAT(UploadChunk::Begin(upload, {1, 2}), IsOk());
  EXPECT_THAT(UploadChunk::Begin(upload, {0, wanted.total_bytes}), IsOk());
}

// Tells when a folder is removed, before it is.
class WatchedFileSystem final : public FaultFileSystem {
 public:
  std::function<void()> on_remove_tree;
  Result<void> RemoveTree(const std::string& path) override {
    if (on_remove_tree) on_remove_tree();
    return FaultFileSystem::RemoveTree(path);
  }
};

TEST_F(UploadDeskTest, WhatExpiredHoldsNobodyUpWhileItGoes) {
  WatchedFileSystem files;
  const std::unique_ptr<UploadDesk> desk = Desk(files);
  std::shared_ptr<ChunkedUpload> old = *desk->FindOrBegin(Wanted());
  ASSERT_THAT(Send(old, {0, 1000}), IsOk());
  old.reset();
  // Its owner goes on with it just now: it is gone, and he begins anew, at once.
  std::future<std::shared_ptr<ChunkedUpload>> again;
  bool waited = false;
  files.on_remove_tree = [&] {
    if (std::exchange(waited, true)) return;
    again = std::async(std::launch::async, [&] { return *desk->FindOrBegin(Wanted()); });
    EXPECT_EQ(again.wait_for(std::chrono::seconds(60)), std::future_status::ready);
  };
  EXPECT_EQ(*desk->RemoveStale(INT64_MAX), 1U);
  ASSERT_TRUE(waited);
  const std::shared_ptr<ChunkedUpload> made = again.get();
  EXPECT_THAT(made->present().spans(), IsEmpty());
  ASSERT_THAT(Send(made, {0, kTotal}), IsOk());
  EXPECT_TRUE(made->complete());
  ExpectPromised(files, *made);
  EXPECT_EQ(*desk->Find("default/m", "v1", "token/ada"), made);
  EXPECT_THAT(*files.List("/data/klever/work"), IsEmpty());
}

TEST_F(UploadDeskTest, WorkThatWasCutShortGoes) {
  auto desk = Desk(files_);
  const std::string folder = *desk->MakeWorkFolder();
  EXPECT_NE(folder, *desk->MakeWorkFolder());
  ASSERT_THAT(desk->RemoveWork(), IsOk());
  EXPECT_FALSE(*files_.Exists(folder));
}

// What a request was told is kept is there after the power failed, however the disk reorders.
TEST_F(UploadDeskTest, WhatWasPromisedSurvivesACrash) {
  const CrashSeeds seeds(1000);
  bool any_promised = false;
  bool any_cut = false;
  for (uint64_t seed = seeds.begin; seed < seeds.end; ++seed) {
    FaultFileSystem files;
    SpanSet promised;
    {
      auto desk = Desk(files);
      // Somewhere within the work of the chunks.
      files.CutPowerAfter(5 + seed % 40);
      auto upload = desk->FindOrBegin(Wanted());
      for (const Span span : {Span{3000, 4000}, Span{0, 1000}, Span{500, 3000}}) {
        if (upload && Send(*upload, span)) promised.Add(span);
      }
    }
    any_promised = any_promised || promised.size_bytes() == kTotal;
    any_cut = any_cut || promised.size_bytes() == 2000;
    auto after = files.Crash(seed);
    auto found = Desk(*after)->Find("default/m", "v1", "token/ada");
    ASSERT_THAT(found, IsOk()) << seed;
    if (promised.spans().empty() && *found == nullptr) continue;
    ASSERT_NE(*found, nullptr) << seed;
    for (const Span& span : promised.spans()) {
      EXPECT_THAT((*found)->present().Within(span), ElementsAre(span)) << seed;
    }
    ExpectPromised(*after, **found);
  }
  EXPECT_TRUE(any_promised && any_cut);
}

}  // namespace
}  // namespace slipway::klever
