#include "model/archive/zip_writer.h"

#include <zlib.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file_system.h"
#include "base/testing/result_matchers.h"
#include "base/testing/temporary_folder.h"
#include "model/archive/archive.h"

namespace slipway::model {
namespace {

using ::testing::ElementsAre;

std::unique_ptr<File> MakeFile(const TemporaryFolder& folder) {
  auto file = PosixFileSystem().Open(folder.path() + "/x.zip", {.write = true, .create = true});
  EXPECT_THAT(file, IsOk());
  return std::move(*file);
}

// Paths and sizes as the reader of archives finds them; contents are read where `read` says so.
std::vector<std::string> List(File& file, bool read) {
  EntryNames names;
  auto archive = OpenArchive(file, ArchiveType::kZip, names);
  EXPECT_THAT(archive, IsOk());
  std::vector<std::string> listed;
  while (archive) {
    const auto entry = (*archive)->Next();
    EXPECT_THAT(entry, IsOk());
    if (!entry || !*entry) break;
    listed.push_back((*entry)->path + ":" + std::to_string((*entry)->size_bytes));
    std::string content;
    char piece[100];
    while (read) {
      const auto count = (*archive)->Read(piece, sizeof piece);
      EXPECT_THAT(count, IsOk());
      if (!count || *count == 0) break;
      content.append(piece, *count);
    }
    if (read) listed.back() += ":" + content;
  }
  return listed;
}

TEST(ZipWriter, WhatItWritesIsRead) {
  TemporaryFolder folder;
  auto file = MakeFile(folder);
  std::vector<ZipEntry> entries;
  std::string bytes;
  for (const auto& [path, content] :
       {std::pair<std::string, std::string>{"a/b.txt", "content"}, {"ümlaut ☃", ""}, {"c", "d"}}) {
    entries.push_back({.path = path,
                       .size_bytes = content.size(),
                       .crc = ZipCrc(ZipCrc(0, content.substr(0, 2)),
                                     content.substr(std::min<size_t>(2, content.size()))),
                       .header_at = bytes.size()});
    bytes += ZipFileHeader(entries.back()) + ZipContent(content) + ZipFileEnd(entries.back());
  }
  bytes += ZipEnd(entries, bytes.size());
  ASSERT_THAT(file->WriteAt(0, bytes), IsOk());
  EXPECT_THAT(List(*file, true), ElementsAre("a/b.txt:7:content", "ümlaut ☃:0:", "c:1:d"));
}

// What a reader needs that goes from front to back: the content says itself where it ends.
TEST(ZipWriter, ContentIsADeflateStream) {
  for (const size_t size :
       {size_t{0}, size_t{1}, size_t{65'535}, size_t{65'536}, size_t{200'000}}) {
    std::string content(size, 'x');
    for (size_t i = 0; i < size; ++i) content[i] = static_cast<char>(i * 7 % 251);
    std::string blocks = ZipContent(content);
    EXPECT_EQ(blocks.size(), ZipContentBytes(size));
    blocks += "what follows";
    z_stream stream{};
    ASSERT_EQ(inflateInit2(&stream, -15), Z_OK);
    std::string read(size + 1, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(blocks.data());
    stream.avail_in = static_cast<uInt>(blocks.size());
    stream.next_out = reinterpret_cast<Bytef*>(read.data());
    stream.avail_out = static_cast<uInt>(read.size());
    EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
    EXPECT_EQ(stream.avail_in, 12U);
    read.resize(stream.total_out);
    EXPECT_EQ(read, content);
    inflateEnd(&stream);
  }
}

TEST(ZipWriter, AnEmptyOneIsOne) {
  TemporaryFolder folder;
  auto file = MakeFile(folder);
  ASSERT_THAT(file->WriteAt(0, ZipEnd({}, 0)), IsOk());
  EXPECT_THAT(List(*file, true), ElementsAre());
}

// Nothing but sizes and places is looked at: the content is a hole in the file.
TEST(ZipWriter, LargeFilesTakeZip64) {
  constexpr uint64_t kLarge = uint64_t{5} << 30;
  TemporaryFolder folder;
  auto file = MakeFile(folder);
  // Of the second, only what it takes in the archive does not fit.
  const uint64_t sizes[] = {0xfff00000, 0xfffffffe, 0xffffffff, kLarge, 3};
  std::vector<ZipEntry> entries;
  uint64_t at = 0;
  for (const uint64_t size : sizes) {
    entries.push_back({.path = "f" + std::to_string(entries.size()),
                       .size_bytes = size,
                       .crc = 0,
                       .header_at = at});
    const std::string header = ZipFileHeader(entries.back());
    ASSERT_THAT(file->WriteAt(at, header), IsOk());
    at += header.size() + ZipContentBytes(size);
    const std::string end = ZipFileEnd(entries.back());
    ASSERT_THAT(file->WriteAt(at, end), IsOk());
    at += end.size();
  }
  ASSERT_THAT(file->WriteAt(at, ZipEnd(entries, at)), IsOk());
  EXPECT_THAT(List(*file, false), ElementsAre("f0:4293918720", "f1:4294967294", "f2:4294967295",
                                              "f3:5368709120", "f4:3"));
}

// Who makes a zip anew from its middle must find everything at its place.
TEST(ZipWriter, SizesOfRecordsDoNotDependOnChecksums) {
  for (const uint64_t size : {uint64_t{0}, uint64_t{0xfff00000}, uint64_t{0xfffffffe}}) {
    const ZipEntry none{.path = "a", .size_bytes = size};
    const ZipEntry some{.path = "a", .size_bytes = size, .crc = 0xffffffff};
    EXPECT_EQ(ZipFileHeader(none), ZipFileHeader(some));
    EXPECT_EQ(ZipFileEnd(none).size(), size < 0xfffffffe ? 16U : 24U);
    EXPECT_EQ(ZipFileEnd(some).size(), ZipFileEnd(none).size());
    EXPECT_EQ(ZipEnd({&some, 1}, 0).size(), ZipEnd({&none, 1}, 0).size());
  }
}

TEST(ZipWriter, ManyFilesTakeZip64) {
  constexpr size_t kCount = 70'000;
  TemporaryFolder folder;
  auto file = MakeFile(folder);
  std::vector<ZipEntry> entries;
  std::string bytes;
  for (size_t i = 0; i < kCount; ++i) {
    entries.push_back({.path = std::to_string(i), .header_at = bytes.size()});
    bytes += ZipFileHeader(entries.back()) + ZipContent("") + ZipFileEnd(entries.back());
  }
  bytes += ZipEnd(entries, bytes.size());
  ASSERT_THAT(file->WriteAt(0, bytes), IsOk());
  const std::vector<std::string> listed = List(*file, false);
  ASSERT_EQ(listed.size(), kCount);
  EXPECT_EQ(listed.back(), "69999:0");
}

}  // namespace
}  // namespace slipway::model
