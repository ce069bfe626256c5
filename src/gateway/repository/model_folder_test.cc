#include "gateway/repository/model_folder.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/random.h"

namespace slipway::gateway {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ModelFolderTest : public ::testing::Test {
 public:
  ModelFolderTest() {
    fs::create_directories(root_);
    root_ = fs::canonical(root_);
  }
  ~ModelFolderTest() override { fs::remove_all(root_); }

 protected:
  void Write(const std::string& name, std::string_view content = "x") {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << content;
  }
  Source SourceOf(const std::string& name) {
    return {.name = name, .path = root_ / name, .root = root_};
  }
  Result<runtime::ServingService> Plan(const std::string& name,
                                       const std::optional<Json>& config = std::nullopt) {
    return PlanService(StandAloneOptions{.path = root_.native()}, SourceOf(name), config);
  }
  std::vector<int64_t> Versions(const std::string& name) {
    const auto service = Plan(name);
    std::vector<int64_t> numbers;
    if (service.has_error()) return numbers;
    for (const auto& revision : service->revisions) numbers.push_back(revision.number);
    return numbers;
  }
  std::vector<std::string> Names(StandAloneOptions options = {}) {
    options.path = root_.native();
    std::vector<std::string> names;
    for (const Source& source : FindSources(options).value()) names.push_back(source.name);
    return names;
  }

  fs::path root_ = fs::temp_directory_path() / ("models-" + RandomHexId(SystemRandom()));
};

TEST_F(ModelFolderTest, TakesTheFormatsOfOtherFrameworks) {
  Write("lite.tflite");
  Write("frozen/1/model.pb");
  Write("saved/3/model.savedmodel/saved_model.pb");
  Write("saved/3/model.savedmodel/variables/variables.index");
  Write("plain/saved_model.pb");
  Write("ir/1/model.xml");
  Write("ir/1/model.bin");
  Write("paddle/1/model.pdmodel");
  EXPECT_THAT(Names(), ElementsAre("frozen", "ir", "lite", "paddle", "plain", "saved"));
  const auto format = [&](const std::string& name) {
    const auto service = Plan(name);
    return service.has_value() ? service->revisions.at(0).format : service.error().ToString();
  };
  EXPECT_EQ(format("frozen"), "graphdef");
  EXPECT_EQ(format("saved"), "savedmodel");
  EXPECT_EQ(format("plain"), "savedmodel");
  EXPECT_EQ(format("ir"), "openvino");
  EXPECT_EQ(format("paddle"), "paddle");
}

TEST_F(ModelFolderTest, WeightsFromElsewhereAreRefused) {
  Write("../elsewhere-" + root_.filename().native());
  const fs::path elsewhere = root_.parent_path() / ("elsewhere-" + root_.filename().native());
  Write("ir/1/model.xml");
  fs::create_symlink(elsewhere, root_ / "ir/1/model.bin");
  Write("saved/1/model.savedmodel/saved_model.pb");
  fs::create_directories(root_ / "saved/1/model.savedmodel/variables");
  fs::create_symlink(elsewhere, root_ / "saved/1/model.savedmodel/variables/variables.index");
  for (const char* name : {"ir", "saved"}) {
    const auto service = Plan(name);
    ASSERT_TRUE(service.has_error()) << name;
    EXPECT_EQ(service.error().reason(), "LINK_REFUSED");
  }
  fs::remove(elsewhere);
}

TEST_F(ModelFolderTest, FindsTheModelsOfAFolder) {
  Write("b/1/model.onnx");
  Write("a.onnx");
  Write("c/model.onnx");
  Write("notes.txt");
  Write("empty/readme.txt");
  Write(".hidden/1/model.onnx");
  EXPECT_THAT(Names(), ElementsAre("a", "b", "c"));
  // As a repository every folder is a model, whose error is told.
  EXPECT_THAT(Names({.is_repository = true}), ElementsAre("a", "b", "c", "empty"));
}

TEST_F(ModelFolderTest, AFolderMayBeOneModel) {
  Write("1/model.onnx");
  Write("config.pbtxt", "max_batch_size: 0");
  EXPECT_THAT(Names(), ElementsAre(root_.filename().native()));
  EXPECT_THAT(Names({.name = "other"}), ElementsAre("other"));
}

TEST_F(ModelFolderTest, NamesMustBeClear) {
  Write("a.onnx");
  Write("a/model.onnx");
  EXPECT_EQ(FindSources({.path = root_.native()}).error().reason(), "MODEL_AMBIGUOUS");
  fs::remove(root_ / "a.onnx");
  Write("b.onnx");
  EXPECT_EQ(FindSources({.path = root_.native(), .name = "x"}).error().reason(), "MODEL_AMBIGUOUS");
  Write("b c.onnx");
  EXPECT_EQ(FindSources({.path = root_.native()}).error().reason(), "NAME_INVALID");
}

TEST_F(ModelFolderTest, TheHighestVersionIsServedUnlessTheConfigurationSaysMore) {
  for (const char* version : {"1", "2", "10", "03", "x", "-1", "0"}) {
    Write("m/" + std::string(version) + "/model.onnx");
  }
  EXPECT_THAT(Versions("m"), ElementsAre(10));
  Write("m/config.pbtxt", "version_policy { latest { num_versions: 2 } }");
  EXPECT_THAT(Versions("m"), ElementsAre(2, 10));
  Write("m/config.pbtxt", "version_policy { all { } }");
  EXPECT_THAT(Versions("m"), ElementsAre(1, 2, 10));
  Write("m/config.pbtxt", "version_policy { specific { versions: [10, 1, 1] } }");
  EXPECT_THAT(Versions("m"), ElementsAre(1, 10));
  Write("m/config.pbtxt", "version_policy { specific { versions: 3 } }");
  EXPECT_EQ(Plan("m").error().reason(), "MODEL_VERSION");
}

TEST_F(ModelFolderTest, TheConfigurationDecidesFileInstancesAndThreads) {
  Write("m/1/a.onnx");
  Write("m/1/b.onnx");
  EXPECT_EQ(Plan("m").error().reason(), "MODEL_AMBIGUOUS");
  Write("m/config.pbtxt",
        "default_model_filename: \"b.onnx\" instance_group [{count: 2}, {}]\n"
        "parameters { key: \"intra_op_thread_count\" value { string_value: \"3\" } }");
  const auto revision = Plan("m").value().revisions[0];
  EXPECT_EQ(revision.model_file, "b.onnx");
  EXPECT_EQ(revision.instances, 3);
  EXPECT_EQ(revision.threads, 3);
  Write("m/1/model.onnx");
  Write("m/config.pbtxt", "");
  EXPECT_EQ(Plan("m").value().revisions[0].model_file, "model.onnx");
  EXPECT_NE(Plan("m").value().revisions[0].uid, revision.uid);
  Write("m/config.pbtxt", "default_model_filename: \"../../x.onnx\"");
  EXPECT_EQ(Plan("m").error().reason(), "MODEL_FILE");
}

TEST_F(ModelFolderTest, WhatCannotBeServedIsSaid) {
  Write("m/1/model.onnx");
  const auto fault = [&](const std::string& config) {
    Write("m/config.pbtxt", config);
    const auto service = Plan("m");
    return service.has_value() ? std::string("no error") : service.error().message();
  };
  EXPECT_THAT(fault("platform: \"ensemble\""), HasSubstr("ensemble_scheduling: "));
  EXPECT_THAT(fault("platform: \"openvino\" ensemble_scheduling { }"), HasSubstr("platform: "));
  EXPECT_THAT(fault("backend: \"openvino\" ensemble_scheduling { }"), HasSubstr("backend: "));
  EXPECT_THAT(fault("sequence_batching { }"), HasSubstr("sequence_batching"));
  EXPECT_THAT(fault("platform: \"tensorrt_plan\""), HasSubstr("'tensorrt_plan' is not served"));
  EXPECT_THAT(fault("backend: \"python\""), HasSubstr("'python' is not served"));
  EXPECT_THAT(fault("name: \"other\""), HasSubstr("'other'"));
  EXPECT_THAT(fault("max_batch_size: -1"), HasSubstr("negative"));
  EXPECT_THAT(fault("input { name: \"x\" reshape { } }"), HasSubstr("reshape of 'x'"));
  EXPECT_THAT(fault("nonsense"), HasSubstr("config.pbtxt: line 1, column 1: "));
  EXPECT_EQ(fault("optimization { } backend: \"onnxruntime\" name: \"m\""), "no error");
  EXPECT_THAT(WithoutEffect(ParseJson(R"({"optimization":{},"name":"m"})").value()),
              ElementsAre("optimization"));
}

TEST_F(ModelFolderTest, LinksLeadNowhereElse) {
  const fs::path elsewhere = root_.native() + "-elsewhere";
  fs::create_directories(elsewhere);
  std::ofstream(elsewhere / "model.onnx") << "x";
  fs::create_directories(root_ / "m/1");
  fs::create_symlink(elsewhere / "model.onnx", root_ / "m/1/model.onnx");
  EXPECT_EQ(Plan("m").error().reason(), "LINK_REFUSED");
  fs::remove_all(root_ / "m");
  fs::create_directories(root_ / "m");
  fs::create_symlink(elsewhere, root_ / "m/1");
  EXPECT_EQ(Plan("m").error().reason(), "LINK_REFUSED");
  fs::remove_all(elsewhere);
}

}  // namespace
}  // namespace slipway::gateway
