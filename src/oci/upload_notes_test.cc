#include "oci/upload_notes.h"

#include <gtest/gtest.h>

#include "base/testing/temporary_folder.h"
#include "oci/limits.h"

namespace slipway::oci {
namespace {

constexpr char kUpload[] = "http://registry.test/v2/p/a/sha256:12";
constexpr char kLocation[] = "http://registry.test/v2/p/a/blobs/uploads/1?_state=x";

class UploadNotesTest : public ::testing::Test {
 protected:
  UploadNotes Open() { return {PosixFileSystem(), folder(), clock_}; }
  std::string folder() const { return folder_ / "uploads"; }
  std::vector<std::string> Files() { return PosixFileSystem().List(folder()).value(); }

  TemporaryFolder folder_;
  FakeClock clock_;
};

TEST_F(UploadNotesTest, TheNextProgramFindsWhatAKilledOneWrote) {
  {
    auto note = Open().Open(kUpload);
    ASSERT_TRUE(note);
    EXPECT_EQ(note->location(), "");
    note->Write("http://elsewhere.test/a/longer/location/that/is/replaced/by/the/next/one/below");
    note->Write(kLocation);
  }
  auto note = Open().Open(kUpload);
  ASSERT_TRUE(note);
  EXPECT_EQ(note->location(), kLocation);
  EXPECT_EQ(Open().Open("http://registry.test/v2/p/a/sha256:34")->location(), "");
  note->Forget();
  note.reset();
  EXPECT_EQ(Open().Open(kUpload)->location(), "");
}

TEST_F(UploadNotesTest, OneProgramAtATimeHasAnUpload) {
  auto first = Open().Open(kUpload);
  ASSERT_TRUE(first);
  EXPECT_FALSE(Open().Open(kUpload));
  first.reset();
  EXPECT_TRUE(Open().Open(kUpload));
}

TEST_F(UploadNotesTest, WhatIsNoWholeNoteIsNone) {
  for (const std::string& content :
       {std::string("x"), std::string("slipway upload 1\n"), std::string(100'000, 'x'),
        std::string("slipway upload 1\n") + kUpload + "\n" + kLocation,  // cut
        std::string("slipway upload 1\nhttp://other.test/\n") + kLocation + "\n",
        std::string("slipway upload 1\n") + kUpload + "\na\nb\n"}) {
    {
      (void)Open().Open(kUpload);
    }
    ASSERT_EQ(Files().size(), 1u);
    ASSERT_TRUE(WriteFileDurably(PosixFileSystem(), folder() + "/" + Files()[0], content));
    EXPECT_EQ(Open().Open(kUpload)->location(), "") << content.substr(0, 100);
  }
  auto note = Open().Open(kUpload);
  note->Write("http://registry.test/a\nb");
  note->Write("http://registry.test/" + std::string(kMaxUploadNoteBytes, 'x'));
  note.reset();
  EXPECT_EQ(Open().Open(kUpload)->location(), "");
}

TEST_F(UploadNotesTest, OldNotesGo) {
  Open().Open(kUpload)->Write(kLocation);
  const auto info = PosixFileSystem().Info(folder() + "/" + Files()[0]);
  clock_.JumpWall(std::chrono::milliseconds(info->modified_ms) - clock_.Wall().time_since_epoch() +
                  kUploadNoteLifetime);
  EXPECT_EQ(Open().Open(kUpload)->location(), kLocation);
  clock_.JumpWall(std::chrono::hours(1));
  (void)Open();
  EXPECT_TRUE(Files().empty());
}

TEST_F(UploadNotesTest, WithoutAFolderNothingIsNoted) {
  UploadNotes notes(PosixFileSystem(), "/proc/nowhere/uploads", clock_);
  EXPECT_FALSE(notes.Open(kUpload));
}

}  // namespace
}  // namespace slipway::oci
