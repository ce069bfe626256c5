#include "model/package.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/testing/result_matchers.h"
#include "base/testing/temporary_folder.h"
#include "model/limits.h"
#include "oci/manifest.h"
#include "oci/media_types.h"

namespace slipway::model {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kFixtures[] = "tests/fixtures/models/";

class PackageTest : public ::testing::Test {
 protected:
  void Write(const std::string& path, const std::string& content) {
    const std::filesystem::path whole = folder_ / path;
    std::filesystem::create_directories(whole.parent_path());
    std::ofstream(whole, std::ios::binary) << content;
  }
  void CopyFixture(const std::string& name, const std::string& path) {
    std::filesystem::create_directories(std::filesystem::path(folder_ / path).parent_path());
    std::filesystem::copy_file(kFixtures + name, folder_ / path);
  }
  void Link(const std::string& target, const std::string& path) {
    const std::filesystem::path whole = folder_ / path;
    std::filesystem::create_directories(whole.parent_path());
    std::filesystem::create_symlink(target, whole);
  }
  // Packs the folder `m`; `meanwhile` happens when the first piece of its file a.bin was read.
  Result<Package> PackWhile(const std::function<void()>& meanwhile) {
    bool done = false;
    return PackageModel(PosixFileSystem(), folder_ / "m",
                        {.progress = [&](std::string_view what, uint64_t, uint64_t) {
                          if (what == "a.bin" && !std::exchange(done, true)) meanwhile();
                        }});
  }
  Result<Package> Pack(const std::string& path = "") {
    return PackageModel(PosixFileSystem(), path.empty() ? folder_.path() : folder_ / path);
  }
  static std::vector<std::string> PathsOf(const Package& package) {
    std::vector<std::string> paths;
    for (const PackageFile& file : package.files) paths.push_back(file.path);
    return paths;
  }

  TemporaryFolder folder_;
};

TEST_F(PackageTest, FileBecomesAModelPack) {
  CopyFixture("dynamic_batch.onnx", "dynamic_batch.onnx");
  const auto package = Pack("dynamic_batch.onnx");
  ASSERT_THAT(package, IsOk());
  EXPECT_EQ(package->format, "onnx");
  EXPECT_EQ(package->model_file, "dynamic_batch.onnx");
  ASSERT_TRUE(package->signature.has_value());
  EXPECT_EQ(package->signature->inputs[0].shape, (tensor::Shape{-1, 4}));

  const auto manifest = oci::ParseManifest(package->manifest);
  ASSERT_THAT(manifest, IsOk());
  EXPECT_EQ(package->manifest_digest, Digest::Of(package->manifest));
  EXPECT_EQ(manifest->media_type, oci::kImageManifestType);
  EXPECT_EQ(manifest->artifact_type, "application/vnd.cncf.model.manifest.v1+json");
  EXPECT_EQ(manifest->config->media_type, "application/vnd.cncf.model.config.v1+json");
  EXPECT_EQ(manifest->config->digest, Digest::Of(package->config));
  ASSERT_EQ(manifest->layers.size(), 1u);
  EXPECT_EQ(manifest->layers[0].media_type, "application/vnd.cncf.model.weight.v1.raw");
  EXPECT_EQ(manifest->layers[0].annotation("org.cncf.model.filepath"), "dynamic_batch.onnx");
}

// The members that ModelPack's schema of the config asks for and allows.
TEST_F(PackageTest, ConfigHasTheThreeObjectsOfTheSpecification) {
  CopyFixture("identity.onnx", "model.onnx");
  const auto package = Pack();
  ASSERT_THAT(package, IsOk());
  const Json config = ParseJson(package->config).value();
  ASSERT_EQ(config.size(), 3u);
  EXPECT_TRUE(config["descriptor"].is_object());
  EXPECT_EQ(config["config"]["format"], "onnx");
  EXPECT_EQ(config["modelfs"]["type"], "layers");
  ASSERT_EQ(config["modelfs"]["diffIds"].size(), 1u);
  EXPECT_EQ(config["modelfs"]["diffIds"][0], package->files[0].digest.text());
}

TEST_F(PackageTest, SameFilesGiveTheSameDigest) {
  CopyFixture("identity.onnx", "a/model.onnx");
  Write("a/labels.txt", "x");
  CopyFixture("identity.onnx", "b/model.onnx");
  Write("b/labels.txt", "x");
  std::filesystem::permissions(folder_ / "b/labels.txt", std::filesystem::perms::owner_all);
  std::filesystem::last_write_time(
      folder_ / "b/labels.txt",
      std::filesystem::file_time_type::clock::now() - std::chrono::hours(1000));
  const auto a = Pack("a");
  const auto b = Pack("b");
  ASSERT_THAT(a, IsOk());
  ASSERT_THAT(b, IsOk());
  EXPECT_EQ(a->manifest_digest, b->manifest_digest);
  Write("b/labels.txt", "y");
  EXPECT_NE(Pack("b")->manifest_digest, a->manifest_digest);
}

TEST_F(PackageTest, FolderIsSortedAndHiddenFilesAreLeftOut) {
  CopyFixture("identity.onnx", "model.onnx");
  Write("README.md", "read me");
  Write("labels/en.txt", "a");
  Write("labels/de.json", "{}");
  Write("code/pre.py", "pass");
  Write(".git/config", "x");
  Write("labels/.hidden", "x");
  const auto package = Pack();
  ASSERT_THAT(package, IsOk());
  EXPECT_THAT(PathsOf(*package), ElementsAre("README.md", "code/pre.py", "labels/de.json",
                                             "labels/en.txt", "model.onnx"));
  EXPECT_THAT(package->left_out, ElementsAre(".git", "labels/.hidden"));
  std::vector<std::string> types;
  for (const PackageFile& file : package->files) types.push_back(file.media_type.substr(27));
  EXPECT_THAT(types, ElementsAre("doc.v1.raw", "code.v1.raw", "weight.config.v1.raw",
                                 "weight.config.v1.raw", "weight.v1.raw"));
}

TEST_F(PackageTest, ExternalDataComesWithItsModel) {
  CopyFixture("external_data/model.onnx", "model.onnx");
  CopyFixture("external_data/weights.bin", "weights.bin");
  Write("unrelated.txt", "x");
  const auto package = Pack("model.onnx");
  ASSERT_THAT(package, IsOk());
  EXPECT_THAT(PathsOf(*package), ElementsAre("model.onnx", "weights.bin"));
  EXPECT_EQ(package->files[1].size_bytes, 32u);
}

TEST_F(PackageTest, ModelWithoutItsWeightsIsRefused) {
  CopyFixture("external_data/model.onnx", "sub/model.onnx");
  Write("weights.bin", "not beside the model");
  const auto folder = Pack();
  EXPECT_THAT(folder, IsError(Code::kInvalidArgument, "MODEL_INVALID"));
  EXPECT_THAT(folder.error().message(), HasSubstr("its weights are in weights.bin"));
  EXPECT_THAT(Pack("sub/model.onnx"), IsError(Code::kNotFound, "FILE_NOT_FOUND"));
}

TEST_F(PackageTest, FileThatIsNoModelIsRefused) {
  CopyFixture("not_a_model.onnx", "not_a_model.onnx");
  const auto package = Pack("not_a_model.onnx");
  EXPECT_THAT(package, IsError(Code::kInvalidArgument, "MODEL_INVALID"));
  EXPECT_THAT(package.error().message(), HasSubstr("not_a_model.onnx is no ONNX model: byte 0: "));
  EXPECT_EQ(package.error().detail("byte"), "0");
}

// Whoever pulled it would refuse it.
TEST_F(PackageTest, PathsThatAreOneOnSomeFileSystemsAreRefused) {
  Write("data/Labels.txt", "A");
  Write("Data/labels.txt", "a");
  const auto package = Pack();
  EXPECT_THAT(package, IsError(Code::kInvalidArgument, "ENTRY_REFUSED"));
  EXPECT_THAT(package.error().message(), AllOf(HasSubstr("'Data'"), HasSubstr("'data'")));
}

TEST_F(PackageTest, NamesThatMakeTheManifestTooLongAreRefused) {
  const std::string folder(250, 'f');
  for (int i = 0; i < 3'900; ++i) {
    Write(folder + "/" + folder + "/" + folder + "/" + folder + std::to_string(i), "");
  }
  EXPECT_THAT(Pack(), IsError(Code::kInvalidArgument, "PACKAGE_MANIFEST_SIZE"));
}

TEST_F(PackageTest, EveryOnnxFileMustBeOne) {
  CopyFixture("identity.onnx", "model.onnx");
  CopyFixture("truncated.onnx", "second/other.ONNX");
  EXPECT_THAT(Pack(), IsError(Code::kInvalidArgument, "MODEL_INVALID"));
}

TEST_F(PackageTest, MetadataThatAreTooLargeAreRefused) {
  const std::string text(kMaxMetadataBytes, 'x');
  Write("m/weights.bin", "w");
  for (const std::string name : {"ormbfile.yaml", "model.yaml"}) {
    Write("m/" + name, "description: " + text);
    const auto packed = Pack("m");
    ASSERT_THAT(packed, IsError(Code::kInvalidArgument, "METADATA_INVALID")) << name;
    EXPECT_THAT(packed.error().message(), HasSubstr(name + " has 1048589 bytes"));
    std::filesystem::remove(folder_ / ("m/" + name));
  }
  // A framework's file of that name.
  Write("m/model.json", "{\"modelTopology\":\"" + text + "\"}");
  EXPECT_THAT(Pack("m"), IsOk());
}

TEST_F(PackageTest, OtherFormatsAreStoredAsWhatTheyAre) {
  Write("weights.safetensors", "12345678{}");
  const auto package = Pack();
  ASSERT_THAT(package, IsOk());
  EXPECT_EQ(package->format, "safetensors");
  EXPECT_FALSE(package->signature.has_value());
}

TEST_F(PackageTest, UnknownFormat) {
  Write("data.xyz", "x");
  const auto package = Pack();
  ASSERT_THAT(package, IsOk());
  EXPECT_EQ(package->format, "");
  EXPECT_FALSE(ParseJson(package->config).value()["config"].contains("format"));
}

TEST_F(PackageTest, EmptyFilesAreFilesAndEmptyFoldersAreNot) {
  Write("empty.bin", "");
  const auto package = Pack();
  ASSERT_THAT(package, IsOk());
  EXPECT_EQ(package->files[0].digest, Digest::Of(""));
  std::filesystem::create_directories(folder_ / "empty");
  EXPECT_THAT(Pack("empty"), IsError(Code::kInvalidArgument, "PACKAGE_EMPTY"));
  EXPECT_THAT(Pack("empty.bin"), IsError(Code::kInvalidArgument, "PACKAGE_EMPTY"));
  EXPECT_THAT(Pack("missing"), IsError(Code::kNotFound, "FILE_NOT_FOUND"));
}

TEST_F(PackageTest, CircleOfLinksEnds) {
  std::filesystem::create_directories(folder_ / "loop");
  std::filesystem::create_directory_symlink(folder_ / "loop", folder_ / "loop/again");
  EXPECT_THAT(Pack("loop"), IsError(Code::kInvalidArgument, "LINK_REFUSED"));
}

TEST_F(PackageTest, BadNamesAreRefused) {
  Write("a/bad\nname.bin", "x");
  EXPECT_THAT(Pack("a"), IsError(Code::kInvalidArgument, "PATH_INVALID"));
  Write("b/wei\xff\xc3\xa9.bin", "x");
  const auto no_text = Pack("b");
  EXPECT_THAT(no_text, IsError(Code::kInvalidArgument, "PATH_INVALID"));
  EXPECT_EQ(no_text.error().message(), "the path 'wei\\xff\\xc3\\xa9.bin' is no UTF-8 text.");
}

// Opened as a file is, the FIFO would keep the test until somebody writes to it.
TEST_F(PackageTest, WhatIsNoFileIsRefused) {
  Write("a/model.bin", "x");
  ASSERT_EQ(mkfifo((folder_ / "a/fifo").c_str(), 0600), 0);
  for (const char* path : {"a", "a/fifo"}) {
    const auto package = Pack(path);
    EXPECT_THAT(package, IsError(Code::kInvalidArgument, "FILE_SPECIAL"));
    EXPECT_THAT(package.error().message(), HasSubstr("a/fifo is a FIFO, not a regular file"));
  }
  for (const char* device : {"/dev/zero", "/dev/null"}) {
    const auto package = PackageModel(PosixFileSystem(), device);
    EXPECT_THAT(package, IsError(Code::kInvalidArgument, "FILE_SPECIAL"));
    EXPECT_EQ(package.error().message(), std::string(device) + " is a device, not a regular file");
  }
}

TEST_F(PackageTest, LinksStayWithinTheFolder) {
  Write("outside.txt", "secret");
  Write("m/labels.txt", "x");
  Link("labels.txt", "m/again.txt");
  Link(folder_ / "m/labels.txt", "m/sub/absolute.txt");
  const auto package = Pack("m");
  ASSERT_THAT(package, IsOk());
  EXPECT_THAT(PathsOf(*package), ElementsAre("again.txt", "labels.txt", "sub/absolute.txt"));
  EXPECT_EQ(package->files[0].digest, Digest::Of("x"));
  EXPECT_EQ(package->files[2].digest, Digest::Of("x"));

  Link("m", "named");
  EXPECT_THAT(Pack("named"), IsOk());
  Link("m/labels.txt", "named.txt");
  EXPECT_THAT(Pack("named.txt"), IsOk());
}

TEST_F(PackageTest, OtherLinksAreRefused) {
  Write("outside.txt", "secret");
  Write("m/folder/labels.txt", "x");
  Write("m-beside/labels.txt", "x");
  const struct {
    std::string target;
    std::string says;
  } kLinks[] = {
      {folder_ / "outside.txt", "outside of"},
      {"../outside.txt", "outside of"},
      {"../m-beside/labels.txt", "outside of"},
      {"/etc", "outside of"},
      {"folder", "a folder"},
      {".", "outside of"},
      {"folder/missing", "which leads nowhere"},
      {"notes", "which leads nowhere"},
      {"folder/../../outside.txt", "outside of"},
  };
  for (const auto& link : kLinks) {
    std::filesystem::remove(folder_ / "m/notes");
    Link(link.target, "m/notes");
    const auto package = Pack("m");
    ASSERT_THAT(package, IsError(Code::kInvalidArgument, "LINK_REFUSED")) << link.target;
    EXPECT_THAT(
        package.error().message(),
        AllOf(HasSubstr("m/notes is a link to " + link.target + ", "), HasSubstr(link.says)));
  }
}

TEST_F(PackageTest, WeightsBesideAModelAreFollowedWithinItsFolderOnly) {
  CopyFixture("external_data/model.onnx", "m/model.onnx");
  CopyFixture("external_data/weights.bin", "outside.bin");
  Link("../outside.bin", "m/weights.bin");
  EXPECT_THAT(Pack("m/model.onnx"), IsError(Code::kInvalidArgument, "LINK_REFUSED"));
  std::filesystem::remove(folder_ / "m/weights.bin");
  CopyFixture("external_data/weights.bin", "m/other.bin");
  Link("other.bin", "m/weights.bin");
  const auto package = Pack("m/model.onnx");
  ASSERT_THAT(package, IsOk());
  EXPECT_THAT(PathsOf(*package), ElementsAre("model.onnx", "weights.bin"));
}

TEST_F(PackageTest, AFileThatGrowsShrinksOrIsReplacedWhileItIsReadIsRefused) {
  const std::vector<std::function<void()>> changes = {
      [&] { std::ofstream(folder_ / "m/a.bin", std::ios::app) << "more"; },
      [&] { std::filesystem::resize_file(folder_ / "m/a.bin", 10); },
      [&] { Write("m/b.bin", "longer than it was"); },
      [&] {
        Write("beside.bin", "b");
        std::filesystem::rename(folder_ / "beside.bin", folder_ / "m/b.bin");
      },
  };
  for (const auto& change : changes) {
    Write("m/a.bin", std::string(3 << 20, 'a'));
    Write("m/b.bin", "b");
    const auto package = PackWhile(change);
    ASSERT_THAT(package, IsError(Code::kFailedPrecondition, "FILE_CHANGED"));
    EXPECT_THAT(package.error().message(), HasSubstr("changed while it was being read"));
  }
  Write("m/b.bin", "b");
  EXPECT_THAT(PackWhile([] {}), IsOk());
}

TEST_F(PackageTest, ALinkThatIsPutInTheWayWhileOthersAreReadIsNotFollowed) {
  Write("outside/c.bin", "c");
  Write("m/a.bin", "a");
  Write("m/b/c.bin", "c");
  const auto folder = PackWhile([&] {
    std::filesystem::rename(folder_ / "m/b", folder_ / "away");
    Link("../outside", "m/b");
  });
  EXPECT_THAT(folder, IsError(Code::kInvalidArgument, "LINK_REFUSED"));
  std::filesystem::remove(folder_ / "m/b");
  Write("m/b/c.bin", "c");
  const auto file = PackWhile([&] {
    std::filesystem::remove(folder_ / "m/b/c.bin");
    Link("../../outside/c.bin", "m/b/c.bin");
  });
  EXPECT_THAT(file, IsError(Code::kInvalidArgument, "LINK_REFUSED"));
}

TEST_F(PackageTest, Progress) {
  Write("a.bin", std::string(3 << 20, 'a'));
  uint64_t last = 0;
  const auto package =
      PackageModel(PosixFileSystem(), folder_.path(),
                   {.progress = [&](std::string_view what, uint64_t done, uint64_t total) {
                     EXPECT_EQ(what, "a.bin");
                     EXPECT_GE(done, last);
                     EXPECT_EQ(total, 3u << 20);
                     last = done;
                   }});
  ASSERT_THAT(package, IsOk());
  EXPECT_EQ(last, 3u << 20);
}

}  // namespace
}  // namespace slipway::model
