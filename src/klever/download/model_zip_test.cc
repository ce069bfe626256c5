#include "klever/download/model_zip.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/result_matchers.h"
#include "klever/limits.h"
#include "model/archive/archive.h"
#include "model/testing/archives.h"

namespace slipway::klever {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A file of zeros that says how much of it was read.
class HoleFile final : public File {
 public:
  HoleFile(uint64_t size_bytes, uint64_t& read) : size_bytes_(size_bytes), read_(read) {}
  Result<size_t> ReadAt(uint64_t offset, char* out, size_t size) override {
    size =
        static_cast<size_t>(std::min<uint64_t>(size, size_bytes_ - std::min(offset, size_bytes_)));
    std::fill_n(out, size, '\0');
    read_ += size;
    return size;
  }
  Result<FileInfo> Info() override { return FileInfo{.size_bytes = size_bytes_}; }
  Result<void> WriteAt(uint64_t, std::string_view) override { return Internal("NO", ""); }
  Result<void> Sync() override { return {}; }
  Result<void> Truncate(uint64_t) override { return Internal("NO", ""); }
  Result<void> SetMode(int) override { return Internal("NO", ""); }
  int descriptor() const override { return -1; }

 private:
  const uint64_t size_bytes_;
  uint64_t& read_;
};

// Content in memory that counts what is read of it.
class CountedContent final : public oci::ContentSource {
 public:
  Digest Add(std::string content) {
    const Digest digest = Digest::Of(content);
    contents_[digest.text()] = std::move(content);
    return digest;
  }
  Digest AddHole(const std::string& name, uint64_t size_bytes) {
    holes_[Digest::Of(name).text()] = size_bytes;
    return Digest::Of(name);
  }
  std::string& Of(const Digest& digest) { return contents_[digest.text()]; }
  Result<std::unique_ptr<File>> Open(const Digest& digest) override {
    ++opened_[digest.text()];
    if (const auto hole = holes_.find(digest.text()); hole != holes_.end()) {
      return std::unique_ptr<File>(std::make_unique<HoleFile>(hole->second, read_));
    }
    const auto found = contents_.find(digest.text());
    if (found == contents_.end()) return NotFound("BLOB_UNKNOWN", "there is no " + digest.text());
    return oci::MakeMemoryFile(std::make_shared<const std::string>(found->second));
  }
  std::optional<std::string> LocalPath(const Digest&) override { return std::nullopt; }
  std::map<std::string, int> TakeOpened() { return std::exchange(opened_, {}); }
  uint64_t read() const { return read_; }

 private:
  std::map<std::string, std::string> contents_;
  std::map<std::string, uint64_t> holes_;
  std::map<std::string, int> opened_;
  uint64_t read_ = 0;
};

std::string Noise(size_t size, uint32_t seed) {
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>((seed = seed * 1664525 + 1013904223) >> 24);
  return bytes;
}

class ModelZipTest : public ::testing::Test {
 protected:
  void AddLayer(const Digest& digest, uint64_t size_bytes, const std::string& type,
                const std::string& path) {
    oci::Descriptor layer{.media_type = type, .digest = digest, .size_bytes = size_bytes};
    if (!path.empty()) layer.annotations["org.opencontainers.image.title"] = path;
    what_.manifest.layers.push_back(std::move(layer));
  }
  Digest AddFile(const std::string& path, const std::string& content) {
    AddLayer(content_.Add(content), content.size(), "application/octet-stream", path);
    return Digest::Of(content);
  }
  Digest AddArchive(const std::vector<std::pair<std::string, std::string>>& files) {
    const std::string content = model::Gzip(model::TarOf(files));
    AddLayer(content_.Add(content), content.size(), "application/vnd.test.v1.tar+gzip", "");
    return Digest::Of(content);
  }
  // Files of all kinds.
  void AddAll() {
    AddFile("first.bin", Noise(100'000, 1));
    AddArchive({{"a/one.txt", "one"}, {"a/zero", ""}, {"a/large.bin", Noise(70'000, 2)}});
    AddFile("empty", "");
    AddArchive({{"b/two.txt", "two"}});
    AddFile("last.bin", Noise(50'000, 3));
  }

  Result<std::unique_ptr<ModelZip>> Open(LayerSums& sums) {
    return ModelZip::Open(content_, sums, what_);
  }
  static Result<std::string> ReadAll(ModelZip& zip, size_t piece_bytes = 1000) {
    std::string all;
    std::string piece(piece_bytes, '\0');
    while (true) {
      TRY(count, zip.Read(piece.data(), piece.size()));
      if (count == 0) return all;
      all.append(piece, 0, count);
    }
  }
  // From `offset` on, measured and skipped as a download does it, a little at a time.
  Result<std::string> ReadFrom(LayerSums& sums, uint64_t offset) {
    TRY(zip, Open(sums));
    while (true) {
      TRY(known, zip->Measure(1));
      if (known) break;
    }
    while (offset > 0) {
      TRY(left, zip->Skip(offset, 1));
      offset = left;
    }
    return ReadAll(*zip);
  }
  std::string Whole() {
    LayerSums none(0);
    auto zip = Open(none);
    EXPECT_THAT(zip, IsOk());
    auto all = ReadAll(**zip);
    EXPECT_THAT(all, IsOk());
    return *all;
  }
  static std::vector<std::string> List(const std::string& zip) {
    const auto file = oci::MakeMemoryFile(std::make_shared<const std::string>(zip));
    model::EntryNames names;
    auto archive = model::OpenArchive(*file, model::ArchiveType::kZip, names);
    EXPECT_THAT(archive, IsOk());
    std::vector<std::string> listed;
    std::string piece(100, '\0');
    while (archive) {
      const auto entry = (*archive)->Next();
      EXPECT_THAT(entry, IsOk());
      if (!entry || !*entry) break;
      listed.push_back((*entry)->path);
      // Its checksum is looked at when all of it is read.
      for (size_t count = 1; count > 0;) {
        const auto read = (*archive)->Read(piece.data(), piece.size());
        EXPECT_THAT(read, IsOk());
        count = read ? *read : 0;
      }
    }
    return listed;
  }

  CountedContent content_;
  ZipContent what_{.manifest = {}, .config = "", .top = "top", .ormb_file = "format: Others\n"};
};

TEST_F(ModelZipTest, HasFilesAndMetadata) {
  AddAll();
  EXPECT_THAT(List(Whole()),
              ElementsAre("top/model/first.bin", "top/model/a/one.txt", "top/model/a/zero",
                          "top/model/a/large.bin", "top/model/empty", "top/model/b/two.txt",
                          "top/model/last.bin", "top/ormbfile.yaml"));
}

TEST_F(ModelZipTest, ContentIsReadOnceEvenTheFirstTime) {
  AddAll();
  Whole();
  for (const auto& [digest, count] : content_.TakeOpened()) EXPECT_EQ(count, 1) << digest;
}

TEST_F(ModelZipTest, TheSizeIsKnownWithoutReadingButForArchives) {
  AddFile("first.bin", Noise(100'000, 1));
  AddFile("empty", "");
  LayerSums sums(kMaxLayerSumsBytes);
  auto zip = Open(sums);
  ASSERT_THAT(zip, IsOk());
  EXPECT_EQ((*zip)->size_bytes(), Whole().size());
  AddArchive({{"a/one.txt", "one"}});
  zip = Open(sums);
  EXPECT_EQ((*zip)->size_bytes(), std::nullopt);
  // What was read once is known.
  ASSERT_THAT(ReadAll(**zip), IsOk());
  content_.TakeOpened();
  zip = Open(sums);
  EXPECT_EQ((*zip)->size_bytes(), Whole().size());
}

TEST_F(ModelZipTest, ItGoesOnWhereverItWasCut) {
  AddAll();
  const std::string whole = Whole();
  LayerSums warm(kMaxLayerSumsBytes);
  ASSERT_EQ(*ReadFrom(warm, 0), whole);
  std::vector<uint64_t> offsets = {0, 1, whole.size() - 1, whole.size()};
  for (uint64_t offset = 0; offset < whole.size(); offset += 997) offsets.push_back(offset);
  for (const uint64_t offset : offsets) {
    LayerSums cold(kMaxLayerSumsBytes);
    for (LayerSums* sums : {&cold, &warm}) {
      const auto rest = ReadFrom(*sums, offset);
      ASSERT_THAT(rest, IsOk());
      ASSERT_TRUE(*rest == whole.substr(offset)) << offset;
    }
  }
}

TEST_F(ModelZipTest, WhatWasReadBeforeIsNotReadToGoOn) {
  AddAll();
  LayerSums sums(kMaxLayerSumsBytes);
  const std::string whole = *ReadFrom(sums, 0);
  content_.TakeOpened();
  const std::string last = Noise(50'000, 3);
  ASSERT_EQ(*ReadFrom(sums, whole.find(last)), whole.substr(whole.find(last)));
  const auto opened = content_.TakeOpened();
  EXPECT_EQ(opened.size(), 1U);
  EXPECT_TRUE(opened.contains(Digest::Of(last).text()));
  // Nothing at all for what is made of sums alone.
  ASSERT_THAT(ReadFrom(sums, whole.size() - 10), IsOk());
  EXPECT_THAT(content_.TakeOpened(), IsEmpty());
}

// Nothing of the content is read, neither to know the size nor to go on behind it.
TEST_F(ModelZipTest, LargeFilesTakeZip64) {
  constexpr uint64_t kLarge = uint64_t{5} << 30;
  const Digest hole = content_.AddHole("hole", kLarge);
  AddLayer(hole, kLarge, "application/octet-stream", "weights.bin");
  AddFile("small", "small");
  LayerSums sums(kMaxLayerSumsBytes);
  sums.Keep({.path = "weights.bin", .layer = what_.manifest.layers[0], .archive = std::nullopt},
            std::make_shared<FileSums>(
                FileSums{{.size_bytes = kLarge, .crc = 0x12345678, .path = "weights.bin"}}));
  auto zip = Open(sums);
  ASSERT_THAT(zip, IsOk());
  ASSERT_GT(*(*zip)->size_bytes(), kLarge);
  const model::ZipEntry entry{
      .path = "top/model/weights.bin", .size_bytes = kLarge, .crc = 0x12345678};
  const std::string head = model::ZipFileHeader(entry);
  // From the last bytes of the large file.
  const auto rest = ReadFrom(sums, head.size() + model::ZipContentBytes(kLarge) - 3);
  ASSERT_THAT(rest, IsOk());
  EXPECT_LT(content_.read(), 100U);
  const std::string end = model::ZipFileEnd(entry);
  EXPECT_EQ(rest->substr(0, 3 + end.size()), std::string(3, '\0') + end);
  EXPECT_EQ(rest->size(), *(*zip)->size_bytes() - head.size() - model::ZipContentBytes(kLarge) + 3);
  // The second one's place is beyond 4 GiB.
  EXPECT_NE(rest->find("PK\x06\x06"), std::string::npos);
}

TEST_F(ModelZipTest, ContentThatIsNotWhatItWasCutsItOff) {
  const Digest digest = AddFile("a.bin", Noise(1000, 1));
  LayerSums sums(kMaxLayerSumsBytes);
  ASSERT_THAT(ReadFrom(sums, 0), IsOk());
  content_.Of(digest)[500] ^= 1;
  EXPECT_EQ(ReadFrom(sums, 0).error().reason(), "CONTENT_CHANGED");
  content_.Of(digest).pop_back();
  EXPECT_EQ(ReadFrom(sums, 0).error().reason(), "CONTENT_CHANGED");
  content_.Of(digest) += "xyz";
  EXPECT_EQ(ReadFrom(sums, 0).error().reason(), "CONTENT_CHANGED");
}

TEST_F(ModelZipTest, TwoFilesOfOnePathAreRefused) {
  AddFile("a/one.txt", "1");
  AddArchive({{"a/ONE.txt", "2"}});
  LayerSums sums(kMaxLayerSumsBytes);
  EXPECT_EQ(ReadFrom(sums, 0).error().reason(), "ENTRY_REFUSED");
  auto zip = Open(sums);
  EXPECT_EQ((zip ? ReadAll(**zip) : Result<std::string>(zip.error())).error().reason(),
            "ENTRY_REFUSED");
}

TEST_F(ModelZipTest, DamagedArchivesAreAnError) {
  const Digest digest = AddArchive({{"a/large.bin", Noise(70'000, 2)}});
  content_.Of(digest).resize(content_.Of(digest).size() / 2);
  LayerSums sums(kMaxLayerSumsBytes);
  EXPECT_EQ(ReadFrom(sums, 0).error().reason(), "ARCHIVE_INVALID");
  EXPECT_EQ(ReadAll(**Open(sums)).error().reason(), "ARCHIVE_INVALID");
}

TEST(LayerSumsTest, ForgetsWhatWasNotAskedForLately) {
  LayerSums sums(20'000);
  std::vector<model::LayerFile> layers;
  for (int i = 0; i < 1000; ++i) {
    const model::LayerFile layer{
        .path = "a", .layer = {.digest = Digest::Of(std::to_string(i))}, .archive = std::nullopt};
    layers.push_back(layer);
    sums.Keep(layer, std::make_shared<FileSums>(FileSums{{.size_bytes = 1, .path = "a"}}));
    ASSERT_NE(sums.Find(layers.front()), nullptr) << i;
  }
  EXPECT_NE(sums.Find(layers.back()), nullptr);
  EXPECT_EQ(sums.Find(layers[500]), nullptr);
  // The same bytes in another folder have other paths.
  model::LayerFile moved = layers.back();
  moved.path = "b";
  EXPECT_EQ(sums.Find(moved), nullptr);
  // One that is too large is not kept.
  sums.Keep(moved, std::make_shared<FileSums>(1000));
  EXPECT_EQ(sums.Find(moved), nullptr);
  EXPECT_NE(sums.Find(layers.front()), nullptr);
}

}  // namespace
}  // namespace slipway::klever
