#include "engine/program/triton_config.h"

#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "tensor/data_type.h"

namespace slipway::engine::program {
namespace {

using tensor::DataType;

TritonModel Python() {
  return {.name = "m", .runner = "backend: \"python\""};
}

std::string Statement(const std::string& inputs, const std::string& outputs,
                      const std::string& batch = "0") {
  return "signature: {inputs: " + inputs + ", outputs: " + outputs +
         "}\nextensions: {triton: {maxBatchSize: " + batch + "}}\n";
}

constexpr const char* kRows = "[{name: x, dtype: float32, shape: [-1, 4]}]";

TEST(TritonConfig, SaysWhatRunsIt) {
  EXPECT_EQ(TritonConfig(Python()), "name: \"m\"\nbackend: \"python\"\n");
}

TEST(TritonConfig, HasItsNameForEachDataType) {
  const std::pair<DataType, const char*> names[] = {
      {DataType::kBool, "BOOL"},     {DataType::kUint8, "UINT8"},   {DataType::kUint16, "UINT16"},
      {DataType::kUint32, "UINT32"}, {DataType::kUint64, "UINT64"}, {DataType::kInt8, "INT8"},
      {DataType::kInt16, "INT16"},   {DataType::kInt32, "INT32"},   {DataType::kInt64, "INT64"},
      {DataType::kFp16, "FP16"},     {DataType::kFp32, "FP32"},     {DataType::kFp64, "FP64"},
      {DataType::kBytes, "STRING"},  {DataType::kBf16, "BF16"}};
  for (const auto& [type, name] : names) {
    TritonModel model = Python();
    model.signature.emplace();
    model.signature->inputs.push_back({.name = "x", .type = type, .shape = {-1}});
    EXPECT_EQ(TritonConfig(model),
              "name: \"m\"\nbackend: \"python\"\nmax_batch_size: 0\ninput { name: \"x\" "
              "data_type: TYPE_" +
                  std::string(name) + " dims: [ -1 ] }\n");
  }
}

TEST(TritonConfig, WritesWhatIsStated) {
  TritonModel model = Python();
  const auto taken = TakeStatement(
      "model.yaml",
      Statement("[{name: x, dtype: float32, shape: [-1, 4]}, {dtype: INT64, shape: [2]}]",
                R"([{name: "a \"b\\", dtype: str, shape: [-1]}])"),
      model);
  ASSERT_TRUE(taken.has_value()) << taken.error().message();
  EXPECT_EQ(TritonConfig(model),
            "name: \"m\"\nbackend: \"python\"\nmax_batch_size: 0\n"
            "input { name: \"x\" data_type: TYPE_FP32 dims: [ -1, 4 ] }\n"
            "input { name: \"input_1\" data_type: TYPE_INT64 dims: [ 2 ] }\n"
            "output { name: \"a \\\"b\\\\\" data_type: TYPE_STRING dims: [ -1 ] }\n");
}

TEST(TritonConfig, TheBatchIsNoDimensionOfItsOwn) {
  TritonModel model = Python();
  const std::string text = Statement(kRows, "[{name: y, dtype: FP32, shape: [-1]}]", "16");
  const auto taken = TakeStatement("model.yaml", text, model);
  ASSERT_TRUE(taken.has_value()) << taken.error().message();
  EXPECT_EQ(TritonConfig(model),
            "name: \"m\"\nbackend: \"python\"\nmax_batch_size: 16\n"
            "input { name: \"x\" data_type: TYPE_FP32 dims: [ 4 ] }\n"
            "output { name: \"y\" data_type: TYPE_FP32 dims: [ 1 ] reshape { shape: [ ] } }\n");
}

TEST(TritonConfig, ControlCharactersAreWrittenAsOctals) {
  TritonModel model = Python();
  model.signature.emplace();
  model.signature->inputs.push_back({.name = "a\n\x7f", .shape = {1}});
  EXPECT_NE(TritonConfig(model).find("name: \"a\\012\\177\""), std::string::npos);
}

TEST(TritonConfig, NothingIsTakenOfAStatementThatIsWrong) {
  struct Case {
    std::string text;
    std::string says;
  };
  const Case cases[] = {
      {"signature: [", "model.yaml: "},
      {"signature: []", "model.yaml: signature: expected inputs and outputs"},
      {"signature: {inputs: []}", "model.yaml: signature.outputs: "},
      {Statement(kRows, "[{name: y, dtype: float33, shape: [1]}]"), "signature.outputs[0].dtype: "},
      {Statement(kRows, "[{name: y, dtype: FP32, shape: [18446744073709551615]}]"),
       "signature.outputs[0].shape: expected lengths"},
      {Statement(kRows, "[{name: y, dtype: FP32, shape: []}]"),
       "signature.outputs[0].shape: Triton has no tensors without dimensions"},
      {Statement("[{name: x, dtype: FP32, shape: [1, 0]}]", kRows),
       "signature.inputs[0].shape: Triton has no dimensions of length 0"},
      {Statement(kRows, "[{name: y, dtype: FP32, shape: [2, 4]}]", "8"),
       "signature.outputs[0].shape: its first dimension has to be -1"},
      {Statement(kRows, "[{name: y, dtype: FP32, shape: []}]", "8"),
       "signature.outputs[0].shape: its first dimension has to be -1"},
      {Statement(kRows, kRows, "many"), "extensions.triton.maxBatchSize: expected a number"},
      {Statement(kRows, kRows, "-1"), "extensions.triton.maxBatchSize: expected a number"},
      {Statement(kRows, kRows, "1048577"), "from 0 to 1048576, got 1048577"},
  };
  for (const Case& c : cases) {
    TritonModel model = Python();
    const auto taken = TakeStatement("model.yaml", c.text, model);
    ASSERT_TRUE(taken.has_error()) << c.text;
    EXPECT_EQ(taken.error().reason(), "SIGNATURE_INVALID");
    EXPECT_NE(taken.error().message().find(c.says), std::string::npos) << taken.error().message();
    EXPECT_FALSE(model.signature.has_value());
  }
  TritonModel model = Python();
  EXPECT_TRUE(TakeStatement("model.yaml", "title: Faces\n", model).has_value());
  EXPECT_FALSE(model.signature.has_value()) << "metadata without a signature are no mistake";
}

}  // namespace
}  // namespace slipway::engine::program
