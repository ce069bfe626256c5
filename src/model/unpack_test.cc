#include "model/unpack.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/result_matchers.h"
#include "base/testing/temporary_folder.h"
#include "model/export.h"
#include "model/inspect.h"
#include "model/package.h"
#include "model/testing/archives.h"

namespace slipway::model {
namespace {

// Content in files of a folder (`linked`), or in memory.
class TestContent final : public oci::ContentSource {
 public:
  TestContent(std::string folder, bool linked) : folder_(std::move(folder)), linked_(linked) {}

  void Add(const std::string& content) {
    contents_[Digest::Of(content).text()] = content;
    if (!linked_) return;
    ASSERT_THAT(WriteFileDurably(PosixFileSystem(), PathOf(Digest::Of(content)), content, 0444),
                IsOk());
  }
  void Damage(const Digest& digest) { contents_[digest.text()].back() ^= 1; }
  // The disk rots: the file stays, other bytes are in it.
  void Rot(const std::string& content) {
    const std::string path = PathOf(Digest::Of(content));
    std::filesystem::permissions(path, std::filesystem::perms(0644));
    const auto time = std::filesystem::last_write_time(path);
    std::fstream(path, std::ios::in | std::ios::out | std::ios::binary) << "rotten";
    std::filesystem::last_write_time(path, time);
    contents_[Digest::Of(content).text()].replace(0, 6, "rotten");
  }
  Result<std::unique_ptr<File>> Open(const Digest& digest) override {
    const auto found = contents_.find(digest.text());
    if (found == contents_.end()) return NotFound("BLOB_UNKNOWN", "there is no " + digest.text());
    return oci::MakeMemoryFile(std::make_shared<const std::string>(found->second));
  }
  std::optional<std::string> LocalPath(const Digest& digest) override {
    if (!linked_) return std::nullopt;
    return PathOf(digest);
  }

 private:
  std::string PathOf(const Digest& digest) const {
    return folder_ + "/" + std::string(digest.hex());
  }

  std::string folder_;
  bool linked_;
  std::map<std::string, std::string> contents_;
};

class UnpackTest : public ::testing::TestWithParam<bool> {
 protected:
  UnpackTest() {
    std::filesystem::create_directories(folder_ / "content");
    std::filesystem::create_directories(folder_ / "unpacked");
  }
  // Packs a fixture and makes its content available; the manifest is kept.
  void Provide(const std::string& fixture) {
    auto package = PackageModel(PosixFileSystem(), "tests/fixtures/models/" + fixture);
    ASSERT_THAT(package, IsOk());
    for (const PackageFile& file : package->files) {
      content_.Add(ReadWholeFile(PosixFileSystem(), file.source, 1 << 20).value());
    }
    content_.Add(package->config);
    manifest_ = package->manifest;
  }
  Result<UnpackedModel> UnpackManifest() {
    return Unpack(PosixFileSystem(), content_, manifest_, Digest::Of(manifest_),
                  folder_ / "unpacked");
  }
  std::vector<std::string> Entries() {
    return PosixFileSystem().List(folder_ / "unpacked").value();
  }

  TemporaryFolder folder_;
  TestContent content_{folder_ / "content", GetParam()};
  std::string manifest_;
};

TEST_P(UnpackTest, FolderOfAModelWithExternalData) {
  Provide("external_data");
  const auto unpacked = UnpackManifest();
  ASSERT_THAT(unpacked, IsOk());
  EXPECT_EQ(unpacked->path, folder_ / "unpacked/" + std::string(Digest::Of(manifest_).hex()));
  EXPECT_EQ(unpacked->format, "onnx");
  EXPECT_EQ(unpacked->model_file, "model.onnx");
  for (const char* name : {"model.onnx", "weights.bin"}) {
    struct stat status = {};
    ASSERT_EQ(stat((unpacked->path + "/" + name).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0444u);
    EXPECT_EQ(status.st_nlink, GetParam() ? 2u : 1u);
    const std::string source = std::string("tests/fixtures/models/external_data/") + name;
    EXPECT_EQ(ReadWholeFile(PosixFileSystem(), unpacked->path + "/" + name, 1 << 20).value(),
              ReadWholeFile(PosixFileSystem(), source, 1 << 20).value());
  }
  EXPECT_EQ(Entries().size(), 1u);
}

TEST_P(UnpackTest, SecondTimeOnlyLooks) {
  Provide("identity.onnx");
  ASSERT_THAT(UnpackManifest(), IsOk());
  struct stat before = {};
  const std::string path = folder_ / "unpacked/" + Entries()[0];
  ASSERT_EQ(stat(path.c_str(), &before), 0);
  const auto again = UnpackManifest();
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->model_file, "identity.onnx");
  struct stat after = {};
  ASSERT_EQ(stat(path.c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
}

TEST_P(UnpackTest, WhatWasHealedIsUnpackedAnew) {
  if (!GetParam()) GTEST_SKIP() << "only files are healed under a folder made of them";
  Provide("identity.onnx");
  const std::string model =
      ReadWholeFile(PosixFileSystem(), "tests/fixtures/models/identity.onnx", 1 << 20).value();
  ASSERT_THAT(UnpackManifest(), IsOk());
  content_.Rot(model);
  const std::string path =
      folder_ / ("unpacked/" + std::string(Digest::Of(manifest_).hex()) + "/identity.onnx");
  ASSERT_NE(ReadWholeFile(PosixFileSystem(), path, 1 << 20).value(), model) << "it is a link";
  content_.Add(model);
  const auto again = UnpackManifest();
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->model_file, "identity.onnx");
  EXPECT_EQ(ReadWholeFile(PosixFileSystem(), path, 1 << 20).value(), model);
  EXPECT_EQ(Entries().size(), 1u);
}

TEST_P(UnpackTest, FilesThatWereCutAreUnpackedAnew) {
  Provide("external_data");
  ASSERT_THAT(UnpackManifest(), IsOk());
  const std::filesystem::path path =
      folder_ / ("unpacked/" + std::string(Digest::Of(manifest_).hex()) + "/weights.bin");
  const auto size = std::filesystem::file_size(path);
  std::filesystem::remove(path);
  std::ofstream(path) << "cut";
  ASSERT_THAT(UnpackManifest(), IsOk());
  EXPECT_EQ(std::filesystem::file_size(path), size);
}

TEST_P(UnpackTest, WrongBytesOfARowAreRefused) {
  if (GetParam()) GTEST_SKIP() << "files are looked at by the scrub";
  Provide("identity.onnx");
  content_.Damage(oci::ParseManifest(manifest_)->layers[0].digest);
  EXPECT_THAT(UnpackManifest(), IsError(Code::kDataLoss, "CONTENT_DAMAGED"));
  EXPECT_TRUE(Entries().empty());
}

TEST_P(UnpackTest, NameOfTheSourcesFileIsRefused) {
  Provide("identity.onnx");
  const std::string name = "identity.onnx\"";
  for (size_t at = manifest_.find(name); at != std::string::npos; at = manifest_.find(name)) {
    manifest_.replace(at, name.size(), ".slipway-sources\"");
  }
  EXPECT_THAT(UnpackManifest(), IsError(Code::kInvalidArgument, "ENTRY_REFUSED"));
  EXPECT_TRUE(Entries().empty());
}

TEST_P(UnpackTest, ContentOfAnotherSizeIsRefused) {
  Provide("identity.onnx");
  const std::string size = "\"size\":103";
  const size_t at = manifest_.find(size);
  ASSERT_NE(at, std::string::npos);
  manifest_.replace(at, size.size(), "\"size\":104");
  EXPECT_THAT(UnpackManifest(), IsError(Code::kDataLoss, "UNPACK_SIZE"));
  EXPECT_TRUE(Entries().empty());
}

TEST_P(UnpackTest, MissingContentLeavesNothing) {
  Provide("identity.onnx");
  const std::string digest =
      Digest::Of(
          ReadWholeFile(PosixFileSystem(), "tests/fixtures/models/identity.onnx", 1 << 20).value())
          .text();
  for (size_t at = manifest_.find(digest); at != std::string::npos; at = manifest_.find(digest)) {
    manifest_.replace(at, digest.size(), Digest::Of("nowhere").text());
  }
  EXPECT_THAT(UnpackManifest(), IsError(Code::kNotFound, "BLOB_UNKNOWN"));
  EXPECT_TRUE(Entries().empty());
}

TEST_P(UnpackTest, HostilePathIsRefused) {
  Provide("identity.onnx");
  const size_t at = manifest_.find("identity.onnx\"");
  manifest_.replace(at, 13, "../identity.x");
  EXPECT_THAT(UnpackManifest(), IsError(Code::kInvalidArgument, "PATH_INVALID"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "unpacked/identity.x"));
}

TEST_P(UnpackTest, InspectReadsTheSignature) {
  Provide("dynamic_batch.onnx");
  const auto manifest = oci::ParseManifest(manifest_);
  const auto description = InspectManifest(content_, *manifest);
  ASSERT_THAT(description, IsOk());
  EXPECT_EQ(description->format, "onnx");
  EXPECT_EQ(description->model_file, "dynamic_batch.onnx");
  ASSERT_TRUE(description->signature.has_value());
  EXPECT_EQ(description->signature->outputs.size(), 2u);
  EXPECT_EQ(FormatOfManifest(*manifest, ""), "onnx");
  EXPECT_EQ(FormatOfManifest(*manifest, "{\"config\":{\"format\":\"TFLite\"}}"), "tflite");
  EXPECT_EQ(FormatOfManifest(*manifest, "{\"config\":{\"format\":\"never heard of\"}}"), "onnx");
}

// An artifact as ormb makes it, and the digest of its manifest.
std::string OrmbManifest(const std::string& config, const std::string& layer) {
  return "{\"schemaVersion\":2,\"config\":{\"mediaType\":"
         "\"application/vnd.caicloud.model.config.v1alpha1+json\",\"digest\":\"" +
         Digest::Of(config).text() + "\",\"size\":" + std::to_string(config.size()) +
         "},\"layers\":[{\"mediaType\":\"application/tar+gzip\",\"digest\":\"" +
         Digest::Of(layer).text() + "\",\"size\":" + std::to_string(layer.size()) + "}]}";
}

TEST_P(UnpackTest, ArchiveOfOrmb) {
  const std::string model =
      ReadWholeFile(PosixFileSystem(), "tests/fixtures/models/identity.onnx", 1 << 20).value();
  const std::string config = "{\"format\":\"ONNX\",\"author\":\"Ada\"}";
  const std::string layer =
      Gzip(TarOf({{"model/model.onnx", model}, {"model/part/other.onnx", "no model"}}));
  content_.Add(config);
  content_.Add(layer);
  manifest_ = OrmbManifest(config, layer);
  for (int time = 0; time < 2; ++time) {
    const auto unpacked = UnpackManifest();
    ASSERT_THAT(unpacked, IsOk());
    EXPECT_EQ(unpacked->format, "onnx");
    EXPECT_EQ(unpacked->model_file, "model/model.onnx");
    EXPECT_EQ(
        ReadWholeFile(PosixFileSystem(), unpacked->path + "/model/model.onnx", 1 << 20).value(),
        model);
  }
  EXPECT_EQ(Entries().size(), 1u);
  if (GetParam()) {
    // The archive was damaged and healed: nobody knows of which bytes the folder was made.
    const std::string file = folder_ / ("unpacked/" + Entries()[0] + "/model/model.onnx");
    std::filesystem::remove(file);
    std::ofstream(file) << "rotten";
    content_.Rot(layer);
    content_.Add(layer);
    ASSERT_THAT(UnpackManifest(), IsOk());
    EXPECT_EQ(ReadWholeFile(PosixFileSystem(), file, 1 << 20).value(), model);
  }
  const auto manifest = oci::ParseManifest(manifest_).value();
  EXPECT_EQ(FormatOfManifest(manifest, config), "onnx");
  const auto without = InspectManifest(content_, manifest);
  ASSERT_THAT(without, IsOk());
  EXPECT_FALSE(without->signature.has_value());
  EXPECT_EQ(without->metadata.source, "ormbfile.yaml");
  const auto described = InspectManifest(
      content_, manifest, Scratch{&PosixFileSystem(), std::string(folder_ / "unpacked")});
  ASSERT_THAT(described, IsOk());
  EXPECT_TRUE(described->signature.has_value());
  EXPECT_EQ(Entries().size(), 1u);

  const auto exported = Export(PosixFileSystem(), content_, manifest_, folder_ / "export");
  ASSERT_THAT(exported, IsOk());
  EXPECT_THAT(*exported,
              ::testing::ElementsAre("model/model.onnx", "model/part/other.onnx", "ormbfile.yaml"));
  EXPECT_EQ(ReadWholeFile(PosixFileSystem(), folder_ / "export/ormbfile.yaml", 1 << 20).value(),
            "author: Ada\nformat: ONNX\n");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "export/.slipway-partial"));
}

TEST_P(UnpackTest, ArchiveThatIsRefusedLeavesNothing) {
  const std::string config = "{}";
  const std::string layer = Gzip(RawTarEntry("model/a", '0', "a") + RawTarEntry("model/b", '2') +
                                 std::string(1'024, '\0'));
  content_.Add(config);
  content_.Add(layer);
  manifest_ = OrmbManifest(config, layer);
  const auto unpacked = UnpackManifest();
  ASSERT_THAT(unpacked, IsError(Code::kInvalidArgument, "ENTRY_REFUSED"));
  EXPECT_THAT(unpacked.error().message(), ::testing::HasSubstr("'model/b' is a symbolic link"));
  EXPECT_TRUE(Entries().empty());
  EXPECT_THAT(Export(PosixFileSystem(), content_, manifest_, folder_ / "export"),
              IsError(Code::kInvalidArgument, "ENTRY_REFUSED"));
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "export"));
}

TEST_P(UnpackTest, EndsWhenItIsToldTo) {
  const std::string config = "{}";
  const std::string layer =
      Gzip(RawTarEntry("model/a", '0', std::string(3 << 20, 'a')) + std::string(1'024, '\0'));
  content_.Add(config);
  content_.Add(layer);
  manifest_ = OrmbManifest(config, layer);
  uint64_t asked = 0;
  const auto full = [&](uint64_t written_bytes) -> Result<void> {
    ++asked;
    if (written_bytes < (2 << 20)) return {};
    return ResourceExhausted("DISK_FULL", "no room");
  };
  const Digest digest = Digest::Of(manifest_);
  EXPECT_THAT(
      Unpack(PosixFileSystem(), content_, manifest_, digest, folder_ / "unpacked", {.check = full}),
      IsError(Code::kResourceExhausted, "DISK_FULL"));
  EXPECT_EQ(asked, 2u);
  EXPECT_TRUE(Entries().empty());
  EXPECT_THAT(UnpackManifest(), IsOk());
}

TEST_P(UnpackTest, ExportsWhatItsDigestsSay) {
  Provide("mlp_a.onnx");
  // A folder that a killed export or pull left: what is unpacked goes, downloads stay.
  std::filesystem::create_directories(folder_ / "export/.slipway-partial/unpacked/model");
  std::filesystem::create_directories(folder_ / "export/.slipway-partial/kept");
  const auto exported = Export(PosixFileSystem(), content_, manifest_, folder_ / "export");
  ASSERT_THAT(exported, IsOk());
  EXPECT_FALSE(std::filesystem::exists(folder_ / "export/.slipway-partial/unpacked"));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "export/.slipway-partial/kept"));
  // Damage in content is found while it is copied, and nothing appears.
  const auto manifest = oci::ParseManifest(manifest_).value();
  const oci::Descriptor& layer = manifest.layers[0];
  content_.Damage(layer.digest);
  const auto damaged = Export(PosixFileSystem(), content_, manifest_, folder_ / "other");
  ASSERT_THAT(damaged, IsError(Code::kDataLoss, "CONTENT_DAMAGED"));
  EXPECT_THAT(damaged.error().message(), ::testing::HasSubstr("mlp_a.onnx"));
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "other"));
  const std::string index =
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]})";
  EXPECT_THAT(Export(PosixFileSystem(), content_, index, folder_ / "index"),
              IsError(Code::kFailedPrecondition, "MODEL_IS_INDEX"));
}

INSTANTIATE_TEST_SUITE_P(Content, UnpackTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "Linked" : "Copied"; });

}  // namespace
}  // namespace slipway::model
