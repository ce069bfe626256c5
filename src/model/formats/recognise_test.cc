#include "model/formats/recognise.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::model {
namespace {

using ::testing::HasSubstr;

struct FormatCase {
  std::vector<FileHint> files;
  std::string format;
  std::string main_file;
};

TEST(RecogniseTest, Formats) {
  const FormatCase cases[] = {
      {{{"model.onnx", ""}}, "onnx", "model.onnx"},
      {{{"M.ONNX", ""}, {"labels.txt", ""}}, "onnx", "M.ONNX"},
      {{{"saved_model.pb", ""}, {"variables/variables.index", ""}}, "savedmodel", "saved_model.pb"},
      {{{"export/1/saved_model.pb", ""}}, "savedmodel", "export/1/saved_model.pb"},
      {{{"m.tflite", ""}}, "tflite", "m.tflite"},
      {{{"m.xml", "<?xml version=\"1.0\"?><net name=\"x\">"}, {"m.bin", ""}}, "openvino", "m.xml"},
      {{{"m.xml", "<?xml version=\"1.0\"?><PMML>"}}, "pmml", "m.xml"},
      {{{"m.xml", "<html>"}}, "", ""},
      {{{"m.gguf", "GGUF\x03"}}, "gguf", "m.gguf"},
      {{{"m.gguf", "nope"}}, "", ""},
      {{{"m.safetensors", ""}}, "safetensors", "m.safetensors"},
      {{{"m.h5", "\x89HDF\r\n"}}, "h5", "m.h5"},
      {{{"m.pt", "PK"}}, "pytorch", "m.pt"},
      {{{"m.pkl", ""}}, "pickle", "m.pkl"},
      {{{"m.plan", ""}}, "tensorrt", "m.plan"},
      {{{"m.fake.json", "{"}}, "fake", "m.fake.json"},
      {{{"readme.md", ""}}, "", ""},
      {{}, "", ""},
  };
  for (const FormatCase& c : cases) {
    const Recognised got = Recognise(c.files);
    EXPECT_EQ(got.format, c.format) << (c.files.empty() ? "" : c.files[0].path);
    EXPECT_EQ(got.main_file, c.main_file);
    EXPECT_EQ(got.problem, "");
  }
}

TEST(RecogniseTest, TheOneCalledModelIsOpened) {
  const std::vector<FileHint> files = {{"a.onnx", ""}, {"model.onnx", ""}};
  EXPECT_EQ(Recognise(files).main_file, "model.onnx");
}

TEST(RecogniseTest, SeveralModelsAreAmbiguous) {
  const std::vector<FileHint> files = {{"a.onnx", ""}, {"b.onnx", ""}};
  const Recognised got = Recognise(files);
  EXPECT_EQ(got.format, "onnx");
  EXPECT_EQ(got.main_file, "");
  EXPECT_THAT(got.problem, HasSubstr("call the one to be opened model.onnx"));
}

TEST(RecogniseTest, FilesOfTheTopFolderWin) {
  const std::vector<FileHint> files = {{"a.onnx", ""}, {"parts/b.onnx", ""}};
  EXPECT_EQ(Recognise(files).main_file, "a.onnx");
}

TEST(RecogniseTest, NamesEachFormatOnce) {
  std::vector<std::string_view> names(FormatNames().begin(), FormatNames().end());
  std::ranges::sort(names);
  EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
  EXPECT_TRUE(std::ranges::binary_search(names, "onnx"));
}

}  // namespace
}  // namespace slipway::model
