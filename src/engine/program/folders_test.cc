#include "engine/program/folders.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

namespace slipway::engine::program {
namespace {

namespace fs = std::filesystem;

class FoldersTest : public testing::Test {
 protected:
  FoldersTest() {
    std::string path = (fs::temp_directory_path() / "folders-test-XXXXXX").native();
    root_ = mkdtemp(path.data());
    package_ = root_ / "package";
    fs::create_directory(package_);
  }
  void TearDown() override { fs::remove_all(root_); }

  void Put(const std::string& name, const std::string& text = "x") {
    fs::create_directories((package_ / name).parent_path());
    std::ofstream(package_ / name) << text;
  }
  GivenModel Model() const { return {.name = "m", .path = package_.native()}; }
  std::string LaidOut() const { return (root_ / "m").native(); }
  std::string Read(const std::string& name) const {
    std::stringstream text;
    text << std::ifstream(fs::path(LaidOut()) / name).rdbuf();
    return text.str();
  }

  fs::path root_;
  fs::path package_;
};

TEST_F(FoldersTest, AModelFileBecomesVersionOne) {
  Put("faces.onnx", "graph");
  Put("faces.onnx.data", "weights");
  ASSERT_TRUE(LayOutForTriton(Model(), LaidOut()).has_value());
  EXPECT_EQ(Read("1/model.onnx"), "graph");
  EXPECT_EQ(Read("1/faces.onnx.data"), "weights");
  EXPECT_EQ(Read("config.pbtxt"), "name: \"m\"\nbackend: \"onnxruntime\"\n");
}

TEST_F(FoldersTest, AModelYamlSaysWhatTheFileDoesNot) {
  Put("model.py", "code");
  Put("model.yaml",
      "signature: {inputs: [{name: x, dtype: float32, shape: [-1, 4]}],\n"
      "            outputs: [{name: y, dtype: string, shape: [-1]}]}\n");
  ASSERT_TRUE(LayOutForTriton(Model(), LaidOut()).has_value());
  EXPECT_EQ(Read("config.pbtxt"),
            "name: \"m\"\nbackend: \"python\"\nmax_batch_size: 0\n"
            "input { name: \"x\" data_type: TYPE_FP32 dims: [ -1, 4 ] }\n"
            "output { name: \"y\" data_type: TYPE_STRING dims: [ -1 ] }\n");
  // Of an ONNX file Triton reads them itself, the file's own and not somebody's words.
  fs::rename(package_ / "model.py", package_ / "model.onnx");
  fs::remove_all(LaidOut());
  ASSERT_TRUE(LayOutForTriton(Model(), LaidOut()).has_value());
  EXPECT_EQ(Read("config.pbtxt"), "name: \"m\"\nbackend: \"onnxruntime\"\n");
}

TEST_F(FoldersTest, AModelYamlThatIsWrongIsLeftToTriton) {
  Put("model.pt", "code");
  Put("model.yaml", "signature: {inputs: [{name: x}]}\n");
  ASSERT_TRUE(LayOutForTriton(Model(), LaidOut()).has_value());
  EXPECT_EQ(Read("config.pbtxt"), "name: \"m\"\nbackend: \"pytorch\"\n");
}

TEST_F(FoldersTest, OpenVinosWeightsGoByTheNameOfTheModel) {
  Put("net.xml", "graph");
  Put("net.bin", "weights");
  ASSERT_TRUE(LayOutForTriton(Model(), LaidOut()).has_value());
  EXPECT_EQ(Read("1/model.xml"), "graph");
  EXPECT_EQ(Read("1/model.bin"), "weights");
}

TEST_F(FoldersTest, ASavedModelIsAFolder) {
  Put("saved_model.pb", "graph");
  Put("variables/variables.index");
  ASSERT_TRUE(LayOutForTriton(Model(), LaidOut()).has_value());
  EXPECT_EQ(Read("1/model.savedmodel/saved_model.pb"), "graph");
  EXPECT_EQ(Read("config.pbtxt"), "name: \"m\"\nplatform: \"tensorflow_savedmodel\"\n");
}

TEST_F(FoldersTest, TritonsOwnLayoutStays) {
  Put("config.pbtxt", "backend: \"python\"");
  Put("1/model.py", "code");
  Put("model.yaml", "signature: {inputs: [], outputs: []}\n");
  ASSERT_TRUE(LayOutForTriton(Model(), LaidOut()).has_value());
  EXPECT_EQ(Read("config.pbtxt"), "backend: \"python\"");
  EXPECT_EQ(Read("1/model.py"), "code");
}

TEST_F(FoldersTest, WhatTritonDoesNotRunIsRefused) {
  Put("factor.json");
  const auto laid = LayOutForTriton(Model(), LaidOut());
  ASSERT_TRUE(laid.has_error());
  EXPECT_EQ(laid.error().reason(), "PROGRAM_REPOSITORY");
}

TEST_F(FoldersTest, AllGoesAtTheEndAndWhatOthersLeft) {
  Put("factor.json");
  const fs::path left = fs::temp_directory_path() / "slipway-program-AAAAAA";
  fs::create_directory(left);
  std::string path;
  {
    const auto folders = Folders::Make({.folder = "/", .command = {"a"}, .models = {Model()}});
    ASSERT_TRUE(folders.has_value());
    path = folders->root();
    EXPECT_TRUE(fs::exists(folders->models() + "/m/factor.json"));
    EXPECT_FALSE(fs::exists(left));
    const auto second = Folders::Make({.folder = "/", .command = {"a"}, .models = {Model()}});
    ASSERT_TRUE(second.has_value());
    EXPECT_TRUE(fs::exists(folders->models() + "/m")) << "who lives keeps it";
  }
  EXPECT_FALSE(fs::exists(path));
  EXPECT_TRUE(fs::exists(package_ / "factor.json"));
}

}  // namespace
}  // namespace slipway::engine::program
