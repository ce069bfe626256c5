// Packages in other forms than ModelPack, there and back.
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/result_matchers.h"
#include "base/testing/temporary_folder.h"
#include "model/archive/archive.h"
#include "model/layer_content.h"
#include "model/layer_files.h"
#include "model/limits.h"
#include "model/metadata/read_metadata.h"
#include "model/ormb/ormb_file.h"
#include "model/package.h"
#include "model/pull.h"
#include "model/push.h"
#include "model/testing/archives.h"
#include "oci/content_source.h"
#include "oci/testing/fake_registry.h"

namespace slipway::model {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

class PackageFormsTest : public ::testing::Test {
 protected:
  void Write(const std::string& path, const std::string& content) {
    const std::filesystem::path whole = folder_ / path;
    std::filesystem::create_directories(whole.parent_path());
    std::ofstream(whole, std::ios::binary) << content;
  }
  std::string ReadBack(const std::string& path) {
    return ReadWholeFile(PosixFileSystem(), folder_ / path, 1 << 20).value();
  }
  Result<Package> Pack(PackageForm form, const std::string& from = "in") {
    return PackageModel(PosixFileSystem(), folder_ / from, {.form = form});
  }
  oci::Client MakeClient() {
    return oci::Client({.base_url = "http://registry.test",
                        .transport = registry_.transport(),
                        .retry_pause = std::chrono::milliseconds(0)});
  }
  Result<Pushed> PushPackage(const Package& package) {
    TRY(reference, oci::Reference::Parse("p/a:v1"));
    oci::Client client = MakeClient();
    return Push(PosixFileSystem(), package, reference, client);
  }
  Result<Pulled> PullBack() {
    TRY(reference, oci::Reference::Parse("p/a:v1"));
    oci::Client client = MakeClient();
    return Pull(PosixFileSystem(), reference, client, folder_ / "out");
  }
  // The layer's bytes, read in pieces of this size.
  static std::string ContentOf(const Package& package, const PackageLayer& layer, size_t piece) {
    LayerContent content(PosixFileSystem(), package, layer);
    std::string bytes;
    std::string buffer(piece, '\0');
    while (true) {
      const auto count = content.Read(bytes.size(), buffer.data(), piece);
      EXPECT_THAT(count, IsOk());
      if (!count.has_value() || *count == 0) return bytes;
      bytes.append(buffer, 0, *count);
    }
  }
  static std::vector<std::string> NamesIn(const std::string& bytes, ArchiveType type) {
    const auto file = oci::MakeMemoryFile(std::make_shared<const std::string>(bytes));
    EntryNames names;
    auto archive = OpenArchive(*file, type, names);
    std::vector<std::string> paths;
    while (true) {
      const auto entry = (*archive)->Next();
      EXPECT_THAT(entry, IsOk());
      if (!entry.has_value() || !*entry) return paths;
      paths.push_back((*entry)->path);
    }
  }

  TemporaryFolder folder_;
  oci::FakeRegistry registry_;
};

// As ormb does: arrays of Zarr, for one, are nothing without their hidden files.
TEST_F(PackageFormsTest, OrmbPacksHiddenFilesOfItsFolder) {
  Write("in/ormbfile.yaml", "format: Others\n");
  Write("in/.git/config", "not packed");
  Write("in/model/array/.zarray", "{}");
  Write("in/model/array/0.0", "x");
  Write("in/model/.hidden/a", "a");
  const auto package = Pack(PackageForm::kOrmb);
  ASSERT_THAT(package, IsOk());
  EXPECT_THAT(package->left_out, ElementsAre(".git"));
  ASSERT_THAT(PushPackage(*package), IsOk());
  const auto pulled = PullBack();
  ASSERT_THAT(pulled, IsOk());
  EXPECT_THAT(pulled->files, UnorderedElementsAre("ormbfile.yaml", "model/array/.zarray",
                                                  "model/array/0.0", "model/.hidden/a"));
  EXPECT_EQ(ReadBack("out/model/array/.zarray"), "{}");
  // Without ormb's folder it is a folder of ours, with our rules.
  Write("plain/.git/config", "not packed");
  Write("plain/weights.bin", "w");
  const auto plain = Pack(PackageForm::kOrmb, "plain");
  ASSERT_THAT(plain, IsOk());
  EXPECT_THAT(plain->left_out, ElementsAre(".git"));
}

TEST_F(PackageFormsTest, OneArchiveMayHaveMoreFilesThanAManifestHasLayers) {
  for (size_t i = 0; i <= kMaxPackageFiles; ++i) {
    Write("in/model/part-" + std::to_string(i), std::to_string(i));
  }
  EXPECT_THAT(Pack(PackageForm::kModelPack),
              IsError(Code::kInvalidArgument, "PACKAGE_TOO_MANY_FILES"));
  EXPECT_THAT(Pack(PackageForm::kModelcar), IsOk());
  const auto package = Pack(PackageForm::kOrmb);
  ASSERT_THAT(package, IsOk());
  ASSERT_EQ(package->layers.size(), 1u);
  EXPECT_EQ(NamesIn(ContentOf(*package, package->layers[0], 1 << 20), ArchiveType::kTarGzip).size(),
            kMaxPackageFiles + 1);
}

// What is packed can be read: ormb's config has room for a document that is as long as it may be.
TEST_F(PackageFormsTest, TheLongestMetadataComeBack) {
  const std::string text(kMaxMetadataBytes - 100, 'd');
  Write("in/model.yaml", "title: T\nextensions: {note: " + text + "}\n");
  Write("in/weights.bin", "w");
  const auto package = Pack(PackageForm::kOrmb);
  ASSERT_THAT(package, IsOk());
  ASSERT_THAT(PushPackage(*package), IsOk());
  const auto pulled = PullBack();
  ASSERT_THAT(pulled, IsOk());
  EXPECT_THAT(pulled->files, ElementsAre("model/weights.bin", "ormbfile.yaml"));
  const auto config = ParseOrmbConfig(package->config);
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(FromOrmb(*config).extensions.at("note"), text);
}

TEST_F(PackageFormsTest, NamesThatNobodyCouldReadBackAreRefused) {
  const std::string folder(250, 'f');
  for (int i = 0; i < 4'000; ++i) {
    Write("in/model/" + folder + "/" + folder + "/" + folder + "/" + folder + std::to_string(i),
          "");
  }
  Write("in/ormbfile.yaml", "format: Others\ndescription: " + std::string(1'000'000, 'd') + "\n");
  EXPECT_THAT(Pack(PackageForm::kOrmb), IsError(Code::kInvalidArgument, "PACKAGE_CONFIG_SIZE"));
}

TEST_F(PackageFormsTest, OrmbArtifact) {
  const std::string large(200'000, 'w');
  Write("in/ormbfile.yaml", "format: Pickle\nauthor: Ada\n");
  Write("in/model/m.pickle", large);
  Write("in/model/sub/b", "b");
  Write("in/model/sub.txt", "");
  Write("in/elsewhere", "not packed");
  const auto package = Pack(PackageForm::kOrmb);
  ASSERT_THAT(package, IsOk());
  EXPECT_EQ(package->config,
            R"({"author":"Ada","created":"0001-01-01T00:00:00Z","format":"Pickle",)"
            R"("directoryStructure":["model/m.pickle","model/sub/b","model/sub.txt"]})");
  ASSERT_EQ(package->layers.size(), 1u);
  const PackageLayer& layer = package->layers[0];
  EXPECT_EQ(package->manifest,
            "{\"schemaVersion\":2,\"config\":{\"mediaType\":"
            "\"application/vnd.caicloud.model.config.v1alpha1+json\",\"digest\":\"" +
                Digest::Of(package->config).text() +
                "\",\"size\":" + std::to_string(package->config.size()) +
                "},\"layers\":[{\"mediaType\":\"application/tar+gzip\",\"digest\":\"" +
                layer.digest.text() + "\",\"size\":" + std::to_string(layer.size_bytes) + "}]}");
  const std::string bytes = ContentOf(*package, layer, 1 << 20);
  EXPECT_EQ(bytes.size(), layer.size_bytes);
  EXPECT_EQ(Digest::Of(bytes), layer.digest);
  // A transfer may be gone on with anywhere.
  EXPECT_EQ(ContentOf(*package, layer, 997), bytes);
  EXPECT_THAT(NamesIn(bytes, ArchiveType::kTarGzip),
              ElementsAre("model/m.pickle", "model/sub/b", "model/sub.txt"));
  for (const PackageFile& file : package->files) {
    EXPECT_EQ(file.digest, Digest::Of(ReadBack("in/" + file.path)));
  }

  ASSERT_THAT(PushPackage(*package), IsOk());
  const auto pulled = PullBack();
  ASSERT_THAT(pulled, IsOk());
  EXPECT_THAT(pulled->files, UnorderedElementsAre("model/m.pickle", "model/sub/b", "model/sub.txt",
                                                  "ormbfile.yaml"));
  EXPECT_EQ(ReadBack("out/model/m.pickle"), large);
  EXPECT_EQ(ReadBack("out/ormbfile.yaml").find("created"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out/.slipway-partial"));
  // What was exported is the same artifact again.
  const auto again = Pack(PackageForm::kOrmb, "out");
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->manifest_digest, package->manifest_digest);
}

TEST_F(PackageFormsTest, OrmbOfAnyFolder) {
  Write("in/model.yaml", "title: t\nformat: joblib\n");
  Write("in/m.joblib", "j");
  const auto package = Pack(PackageForm::kOrmb);
  ASSERT_THAT(package, IsOk());
  EXPECT_THAT(package->config, HasSubstr("\"format\":\"SKLearn\""));
  EXPECT_THAT(package->config, HasSubstr("\"slipway\":{\"title\":\"t\""));
  EXPECT_THAT(package->config, HasSubstr("[\"model/m.joblib\"]"));
  Write("in/more.joblib", "j");
  const auto refused = Pack(PackageForm::kOrmb);
  ASSERT_THAT(refused, IsError(Code::kInvalidArgument, "ORMB_LAYOUT"));
  EXPECT_THAT(refused.error().message(), HasSubstr("found \"m.joblib\", \"more.joblib\""));
  Write("other/ormbfile.yaml", "format: onnx\n");
  Write("other/model/x", "x");
  EXPECT_THAT(Pack(PackageForm::kOrmb, "other"), IsError(Code::kInvalidArgument, "ORMB_FORMAT"));
  // Without a file, ormb infers the format.
  Write("bare/model/x.pt", "x");
  EXPECT_THAT(Pack(PackageForm::kOrmb, "bare")->config, HasSubstr("\"format\":\"TorchScript\""));
}

TEST_F(PackageFormsTest, Modelcar) {
  Write("in/model.safetensors", std::string(70'000, 'a'));
  Write("in/more/b.safetensors", std::string(80'000, 'b'));
  Write("in/config.json", "{}");
  Write("in/model.yaml", "title: Car\nlicenses: [MIT]\n");
  const auto package = Pack(PackageForm::kModelcar);
  ASSERT_THAT(package, IsOk());
  ASSERT_EQ(package->layers.size(), 3u);
  EXPECT_THAT(NamesIn(ContentOf(*package, package->layers[0], 1 << 20), ArchiveType::kTar),
              ElementsAre("models", "models/config.json", "models/model.yaml"));
  EXPECT_THAT(NamesIn(ContentOf(*package, package->layers[2], 1 << 20), ArchiveType::kTar),
              ElementsAre("models", "models/more", "models/more/b.safetensors"));
  const Json config = ParseJson(package->config).value();
  EXPECT_EQ(config["architecture"], "amd64");
  EXPECT_EQ(config["rootfs"]["diff_ids"].size(), 3u);
  EXPECT_EQ(config["config"]["Labels"]["org.opencontainers.image.title"], "Car");
  for (size_t i = 0; i < 3; ++i) {
    const PackageLayer& layer = package->layers[i];
    EXPECT_EQ(config["rootfs"]["diff_ids"][i], layer.digest.text());
    EXPECT_EQ(Digest::Of(ContentOf(*package, layer, 4'099)), layer.digest);
  }
  // A change of one file leaves the layers of the weights as they were.
  Write("in/config.json", "{\"a\":1}");
  const auto changed = Pack(PackageForm::kModelcar);
  EXPECT_NE(changed->layers[0].digest, package->layers[0].digest);
  EXPECT_EQ(changed->layers[1].digest, package->layers[1].digest);
  EXPECT_EQ(changed->layers[2].digest, package->layers[2].digest);
}

TEST_F(PackageFormsTest, HostileArtifactChangesNothing) {
  const std::string evil = Gzip(RawTarEntry("model/good", '0', "x") +
                                RawTarEntry("model/../../evil", '0') + std::string(1024, '\0'));
  const std::string config = "{\"format\":\"Others\"}";
  registry_.blobs[{"p/a", Digest::Of(evil).text()}] = evil;
  registry_.blobs[{"p/a", Digest::Of(config).text()}] = config;
  registry_.manifests[{"p/a", "v1"}] =
      "{\"schemaVersion\":2,\"config\":{\"mediaType\":"
      "\"application/vnd.caicloud.model.config.v1alpha1+json\",\"digest\":\"" +
      Digest::Of(config).text() + "\",\"size\":" + std::to_string(config.size()) +
      "},\"layers\":[{\"mediaType\":\"application/tar+gzip\",\"digest\":\"" +
      Digest::Of(evil).text() + "\",\"size\":" + std::to_string(evil.size()) + "}]}";
  const auto pulled = PullBack();
  ASSERT_THAT(pulled, IsError(Code::kInvalidArgument, "PATH_INVALID"));
  EXPECT_THAT(pulled.error().message(), HasSubstr("'model/../../evil'"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out/model"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "evil"));
}

TEST_F(PackageFormsTest, AnArchiveIsNamedOnce) {
  const oci::Descriptor layer{.media_type = "application/vnd.cncf.model.weight.v1.tar+gzip",
                              .digest = Digest::Of("archive"),
                              .size_bytes = 7};
  oci::Manifest manifest;
  manifest.layers = {layer};
  EntryNames names;
  EXPECT_THAT(LayerFiles(manifest, "", names), IsOk());
  manifest.layers = {layer, layer};
  const auto twice = LayerFiles(manifest, "", names);
  ASSERT_THAT(twice, IsError(Code::kInvalidArgument, "ENTRY_REFUSED"));
  EXPECT_THAT(twice.error().message(), testing::HasSubstr("layers[1]"));
}

TEST_F(PackageFormsTest, MetadataOfAModelPack) {
  Write("in/w.safetensors", "w");
  Write("in/README.md", "# R\n");
  Write("in/model.yaml", "title: T\nreadme: README.md\nauthors: [A]\n");
  const auto package = Pack(PackageForm::kModelPack);
  ASSERT_THAT(package, IsOk());
  EXPECT_EQ(package->metadata_file, "model.yaml");
  const auto manifest = oci::ParseManifest(package->manifest).value();
  const auto fetch = [&](const oci::Descriptor& layer) -> Result<std::optional<std::string>> {
    for (const PackageFile& file : package->files) {
      if (file.digest == layer.digest)
        return std::optional<std::string>(ReadBack("in/" + file.path));
    }
    return std::optional<std::string>();
  };
  const auto found = ReadMetadata(manifest, package->config, fetch);
  ASSERT_THAT(found, IsOk());
  EXPECT_EQ(found->source, "model.yaml");
  EXPECT_EQ(found->document, ReadBack("in/model.yaml"));
  EXPECT_EQ(found->metadata.title, "T");
  EXPECT_EQ(found->metadata.format, "safetensors");
  ASSERT_NE(ReadmeLayer(manifest, found->metadata), nullptr);
  EXPECT_EQ(ReadmeLayer(manifest, found->metadata)->digest, Digest::Of("# R\n"));
  // Where the file is not at hand, the config has what it has a place for.
  const auto config_only = ReadMetadata(
      manifest, package->config, [](const oci::Descriptor&) -> Result<std::optional<std::string>> {
        return std::optional<std::string>();
      });
  EXPECT_EQ(config_only->source, "config");
  EXPECT_THAT(config_only->metadata.authors, ElementsAre("A"));
  Write("in/model.yaml", "readme: missing.md\n");
  EXPECT_THAT(Pack(PackageForm::kModelPack), IsError(Code::kInvalidArgument, "METADATA_INVALID"));
  // A file of another program with that name is a file like any other.
  Write("in/model.yaml", "backbone: [1]\n");
  EXPECT_EQ(Pack(PackageForm::kModelPack)->metadata_file, "");
}

}  // namespace
}  // namespace slipway::model
