#include "model/formats/recognise.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

namespace slipway::model {
namespace {

struct Case {
  std::vector<FileHint> files;
  std::string_view format;
  std::string_view main_file;
};

TEST(Recognise, TellsFormatsFromNamesAndHeads) {
  const Case cases[] = {
      {{{"m.onnx", ""}}, "onnx", "m.onnx"},
      {{{"M.ONNX", ""}}, "onnx", "M.ONNX"},
      {{{"m.onnx", ""}, {"m.onnx.data", ""}, {"README.md", ""}}, "onnx", "m.onnx"},
      {{{"variables/v.index", ""}, {"saved_model.pb", ""}}, "savedmodel", "saved_model.pb"},
      {{{"frozen.pb", ""}}, "graphdef", "frozen.pb"},
      {{{"net.xml", "<?xml?><net name=\"a\">"}, {"net.bin", ""}}, "openvino", "net.xml"},
      {{{"tree.xml", "<?xml?><PMML>"}}, "pmml", "tree.xml"},
      {{{"tree.pmml", ""}}, "pmml", "tree.pmml"},
      {{{"a.gguf", "GGUF...."}}, "gguf", "a.gguf"},
      {{{"a.gguf", "nothing of it"}}, "", ""},
      {{{"w.h5", "\x89HDF\r\n"}}, "h5", "w.h5"},
      {{{"x.fake.json", "{}"}}, "fake", "x.fake.json"},
      {{{"model.pt", "PK"}}, "pytorch", "model.pt"},
      {{{"notes.txt", "words"}}, "", ""},
      {{}, "", ""},
  };
  for (const Case& wanted : cases) {
    const Recognised got = Recognise(wanted.files);
    EXPECT_EQ(got.format, wanted.format) << wanted.main_file;
    EXPECT_EQ(got.main_file, wanted.main_file);
    EXPECT_EQ(got.problem, "");
  }
}

TEST(Recognise, OfSeveralItOpensTheOneCalledModel) {
  EXPECT_EQ(Recognise(std::vector<FileHint>{{"a.onnx", ""}, {"model.onnx", ""}}).main_file,
            "model.onnx");
  EXPECT_EQ(Recognise(std::vector<FileHint>{{"a.onnx", ""}, {"sub/b.onnx", ""}}).main_file,
            "a.onnx");
  const Recognised both = Recognise(std::vector<FileHint>{{"a.onnx", ""}, {"b.onnx", ""}});
  EXPECT_EQ(both.format, "onnx");
  EXPECT_EQ(both.main_file, "");
  EXPECT_EQ(both.problem, "a.onnx and b.onnx are both onnx: call the one to be opened model.onnx");
}

TEST(Recognise, NamesEachFormatOnce) {
  std::vector<std::string_view> names(FormatNames().begin(), FormatNames().end());
  std::ranges::sort(names);
  EXPECT_TRUE(std::ranges::adjacent_find(names) == names.end());
  EXPECT_TRUE(std::ranges::find(names, "onnx") != names.end());
}

}  // namespace
}  // namespace slipway::model
