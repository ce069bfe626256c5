#include "model/package.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "model/inspect.h"
#include "model/layer_files.h"
#include "model/pull.h"
#include "model/push.h"
#include "model/testing/folder.h"
#include "model/unpack.h"
#include "oci/testing/fake_registry.h"
#include "store/object/object_store.h"

namespace slipway::model {
namespace {

const std::string kModels = "tests/fixtures/models/";

class PackageTest : public testing::Test {
 protected:
  PackageTest()
      : client_({.base_url = "http://registry.example", .transport = fake_.transport()}) {}

  Package Packed(const std::string& path) { return PackageModel(files_, path).value(); }
  static oci::Reference Tag(const std::string& text) { return oci::Reference::Parse(text).value(); }

  FileSystem& files_ = PosixFileSystem();
  TemporaryFolder folder_;
  oci::FakeRegistry fake_;
  oci::Client client_;
};

TEST_F(PackageTest, ReadsTheSignatureOfAnOnnxFile) {
  const Package package = Packed(kModels + "linear_a.onnx");
  EXPECT_EQ(package.format, "onnx");
  EXPECT_EQ(package.model_file, "linear_a.onnx");
  ASSERT_TRUE(package.signature.has_value());
  EXPECT_EQ(package.signature->inputs.at(0).name, "x");
  const Json manifest = ParseJson(package.manifest).value();
  EXPECT_EQ(manifest.at("artifactType"), "application/vnd.cncf.model.manifest.v1+json");
  EXPECT_EQ(manifest.at("layers").at(0).at("mediaType"),
            "application/vnd.cncf.model.weight.v1.raw");
  EXPECT_EQ(manifest.at("layers").at(0).at("annotations").at("org.cncf.model.filepath"),
            "linear_a.onnx");
}

TEST_F(PackageTest, TheSameFilesGiveTheSameDigest) {
  folder_.Write("a/weights.bin", "1234");
  folder_.Write("a/README.md", "words");
  folder_.Write("b/README.md", "words");
  folder_.Write("b/weights.bin", "1234");
  folder_.Write("b/.hidden", "left out");
  const Package a = Packed(folder_.path() + "/a");
  EXPECT_EQ(a.manifest_digest, Packed(folder_.path() + "/b").manifest_digest);
  ASSERT_EQ(a.files.size(), 2U);
  EXPECT_EQ(a.files[0].media_type, "application/vnd.cncf.model.doc.v1.raw");
  folder_.Write("b/weights.bin", "1235");
  EXPECT_NE(a.manifest_digest, Packed(folder_.path() + "/b").manifest_digest);
}

TEST_F(PackageTest, RefusesWhatIsNoModel) {
  const auto broken = PackageModel(files_, kModels + "not_a_model.onnx");
  EXPECT_EQ(broken.error().reason(), "MODEL_INVALID");
  EXPECT_NE(broken.error().message().find("not_a_model.onnx: "), std::string::npos);
  EXPECT_EQ(PackageModel(files_, kModels + "truncated.onnx").error().reason(), "MODEL_INVALID");
  EXPECT_EQ(PackageModel(files_, folder_.path()).error().reason(), "PACKAGE_EMPTY");
  EXPECT_EQ(PackageModel(files_, folder_.path() + "/none").error().reason(), "FILE_NOT_FOUND");
}

TEST_F(PackageTest, PushesOnlyWhatIsMissing) {
  const Package package = Packed(kModels + "linear_a.onnx");
  const auto first = Push(files_, package, Tag("linear:a"), client_);
  ASSERT_TRUE(first.has_value()) << first.error().ToString();
  EXPECT_TRUE(first->changed);
  EXPECT_EQ(first->bytes_uploaded, package.size_bytes);
  const auto same = Push(files_, package, Tag("linear:a"), client_);
  EXPECT_FALSE(same->changed);
  const auto other = Push(files_, package, Tag("linear:b"), client_);
  EXPECT_TRUE(other->changed);
  EXPECT_EQ(other->bytes_uploaded, 0U);
  EXPECT_EQ((fake_.manifests.at({"default/linear", "b"})), package.manifest);
}

TEST_F(PackageTest, PullsWhatWasPushed) {
  folder_.Write("in/model.bin", std::string(3'000'000, 'w'));
  folder_.Write("in/sub/README.md", "words");
  const Package package = Packed(folder_.path() + "/in");
  ASSERT_TRUE(Push(files_, package, Tag("m:1"), client_).has_value());
  fake_.cut_after = 1'000'000;
  const std::string out = folder_.path() + "/out";
  const auto pulled = Pull(files_, Tag("m:1"), client_, out);
  ASSERT_TRUE(pulled.has_value()) << pulled.error().ToString();
  EXPECT_EQ(pulled->digest, package.manifest_digest);
  EXPECT_EQ(folder_.Read("out/model.bin"), std::string(3'000'000, 'w'));
  EXPECT_EQ(folder_.Read("out/sub/README.md"), "words");
  EXPECT_EQ(files_.List(out).value(), (std::vector<std::string>{"model.bin", "sub"}));
  EXPECT_EQ(Pull(files_, Tag("m:1"), client_, out)->bytes_downloaded, 0U);
}

TEST_F(PackageTest, APulledFileWithWrongBytesIsNotThere) {
  folder_.Write("in/model.bin", "right");
  const Package package = Packed(folder_.path() + "/in");
  ASSERT_TRUE(Push(files_, package, Tag("m:1"), client_).has_value());
  fake_.blobs.at({"default/m", package.files[0].digest.text()}) = "wrong";
  const auto pulled = Pull(files_, Tag("m:1"), client_, folder_.path() + "/out");
  EXPECT_EQ(pulled.error().reason(), "DIGEST_MISMATCH");
  EXPECT_TRUE(files_.List(folder_.path() + "/out").value().empty());
}

oci::Manifest ManifestOf(const std::vector<std::string>& paths,
                         const std::string& type = "application/vnd.cncf.model.weight.v1.raw") {
  oci::Manifest manifest;
  for (const std::string& path : paths) {
    manifest.layers.push_back({.media_type = type,
                               .digest = Digest::Of(path),
                               .size_bytes = 1,
                               .annotations = {{"org.cncf.model.filepath", path}}});
  }
  return manifest;
}

TEST(LayerFiles, RefusesPathsThatLeaveOrCollide) {
  for (const auto& paths : std::vector<std::vector<std::string>>{{"../a"},
                                                                 {"/etc/passwd"},
                                                                 {"a/../../b"},
                                                                 {""},
                                                                 {"a", "a"},
                                                                 {"a", "a/b"},
                                                                 {"a/b", "a"},
                                                                 {"a\\b"},
                                                                 {std::string("a\0b", 3)}}) {
    const auto files = LayerFiles(ManifestOf(paths));
    ASSERT_FALSE(files.has_value()) << paths[0];
    EXPECT_EQ(files.error().reason(), "PATH_INVALID") << files.error().ToString();
  }
  EXPECT_EQ(LayerFiles(ManifestOf({"./a/b", "a/c", "ab"}))->at(0).path, "a/b");
}

TEST(LayerFiles, RefusesArchives) {
  EXPECT_EQ(LayerFiles(ManifestOf({"a"}, "application/vnd.cncf.model.weight.v1.tar+gzip"))
                .error()
                .reason(),
            "LAYER_UNSUPPORTED");
}

// Content that is an object store's alone.
class StoreContent final : public oci::ContentSource {
 public:
  explicit StoreContent(store::ObjectStore& store) : store_(store) {}
  Result<std::unique_ptr<File>> Open(const Digest& digest) override { return store_.Open(digest); }
  std::optional<std::string> LocalPath(const Digest& digest) override {
    return store_.LocalPath(digest);
  }

 private:
  store::ObjectStore& store_;
};

class UnpackTest : public PackageTest {
 protected:
  // Content of an object store that holds the package.
  void Keep(const Package& package) {
    store_ = store::MakeLocalObjectStore(files_, folder_.path() + "/store").value();
    for (const PackageFile& file : package.files) {
      const std::string bytes = ReadWholeFile(files_, file.source, 1 << 30).value();
      ASSERT_TRUE(store::PutObject(*store_, bytes).has_value());
    }
    ASSERT_TRUE(store::PutObject(*store_, package.config).has_value());
    content_ = std::make_unique<StoreContent>(*store_);
    root_ = folder_.path() + "/unpacked";
    ASSERT_TRUE(files_.MakeDirectories(root_).has_value());
  }

  std::unique_ptr<store::ObjectStore> store_;
  std::unique_ptr<oci::ContentSource> content_;
  std::string root_;
};

TEST_F(UnpackTest, MakesAFolderOfHardLinksOnce) {
  folder_.Write("in/model.onnx", ReadWholeFile(files_, kModels + "linear_a.onnx", 1 << 20).value());
  folder_.Write("in/extra/notes.md", "words");
  const Package package = Packed(folder_.path() + "/in");
  Keep(package);
  const auto unpacked = Unpack(files_, *content_, package.manifest, package.manifest_digest, root_);
  ASSERT_TRUE(unpacked.has_value()) << unpacked.error().ToString();
  EXPECT_EQ(unpacked->format, "onnx");
  EXPECT_EQ(unpacked->model_file, "model.onnx");
  EXPECT_EQ(unpacked->path, root_ + "/" + std::string(package.manifest_digest.hex()));
  const auto linked = files_.Info(unpacked->path + "/model.onnx").value();
  EXPECT_EQ(linked.inode, store_->Info(package.files[1].digest)->inode);
  EXPECT_EQ(files_.List(root_)->size(), 1U);
  const auto again = Unpack(files_, *content_, package.manifest, package.manifest_digest, root_);
  EXPECT_EQ(files_.Info(again->path + "/model.onnx")->inode, linked.inode);
}

TEST_F(UnpackTest, LeavesNothingBehindWhenContentIsMissing) {
  folder_.Write("in/model.bin", "bytes");
  const Package package = Packed(folder_.path() + "/in");
  Keep(package);
  ASSERT_TRUE(store_->Remove(package.files[0].digest).has_value());
  const auto unpacked = Unpack(files_, *content_, package.manifest, package.manifest_digest, root_);
  EXPECT_EQ(unpacked.error().code(), Code::kNotFound);
  EXPECT_TRUE(files_.List(root_)->empty());
}

}  // namespace
}  // namespace slipway::model
