#include "gateway/v2/response_writer.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "tensor/float16.h"

namespace slipway::gateway::v2 {
namespace {

using tensor::DataType;
using tensor::Shape;
using tensor::Tensor;

template <class T>
Tensor Numbers(DataType type, const Shape& shape, const std::vector<T>& values) {
  Tensor tensor;
  EXPECT_TRUE(tensor.Reset(type, shape).has_value());
  std::copy(values.begin(), values.end(), reinterpret_cast<T*>(tensor.data()));
  return tensor;
}

// The text of `data` of one output.
std::string DataOf(const Tensor& tensor, NonFinite style = NonFinite::kNull) {
  tensor::Signature signature;
  signature.outputs.push_back({.name = "y", .type = tensor.type(), .shape = tensor.shape()});
  const uint32_t wanted[] = {0};
  const std::optional<std::string> id;
  std::string out;
  EXPECT_TRUE(WriteAnswer({.id = id,
                           .model = "m",
                           .version = "1",
                           .signature = signature,
                           .wanted = wanted,
                           .outputs = {&tensor, 1},
                           .non_finite = style},
                          out)
                  .has_value());
  const size_t begin = out.find("\"data\":[") + 8;
  return out.substr(begin, out.rfind("]}]}") - begin);
}

TEST(ResponseWriter, KeysComeInTheProtocolsOrder) {
  tensor::Signature signature;
  signature.outputs.push_back({.name = "a", .type = DataType::kFp32, .shape = {-1}});
  signature.outputs.push_back({.name = "b\"", .type = DataType::kInt64, .shape = {-1, 1}});
  std::vector<Tensor> outputs;
  outputs.push_back(Numbers<int64_t>(DataType::kInt64, {2, 1}, {-1, INT64_MAX}));
  outputs.push_back(Numbers<float>(DataType::kFp32, {1}, {3}));
  const uint32_t wanted[] = {1, 0};
  const std::optional<std::string> id = "i\n1";
  std::string out;
  ASSERT_TRUE(WriteAnswer({.id = id,
                           .model = "m",
                           .version = "7",
                           .signature = signature,
                           .wanted = wanted,
                           .outputs = outputs},
                          out)
                  .has_value());
  EXPECT_EQ(out,
            R"({"id":"i\n1","model_name":"m","model_version":"7","outputs":[)"
            R"({"name":"b\"","datatype":"INT64","shape":[2,1],"data":[-1,9223372036854775807]},)"
            R"({"name":"a","datatype":"FP32","shape":[1],"data":[3.0]}]})");
}

TEST(ResponseWriter, FloatsAreTheShortestThatReadBack) {
  EXPECT_EQ(
      DataOf(Numbers<float>(DataType::kFp32, {5}, {0.1F, 1.0000001F, -0.0F, 1e20F, 16777216})),
      "0.1,1.0000001,-0.0,1e+20,16777216.0");
  EXPECT_EQ(DataOf(Numbers<double>(DataType::kFp64, {2}, {0.1, -2.2250738585072014e-308})),
            "0.1,-2.2250738585072014e-308");
  EXPECT_EQ(DataOf(Numbers<uint16_t>(DataType::kFp16, {2}, {0x3c00, 0x2e66})), "1.0,0.099975586");
  EXPECT_EQ(DataOf(Numbers<uint16_t>(DataType::kBf16, {1}, {0x3f80})), "1.0");
}

TEST(ResponseWriter, NumbersThatJsonDoesNotHave) {
  const Tensor tensor = Numbers<float>(DataType::kFp32, {3}, {NAN, INFINITY, -INFINITY});
  EXPECT_EQ(DataOf(tensor), "null,null,null");
  EXPECT_EQ(DataOf(tensor, NonFinite::kBare), "NaN,Infinity,-Infinity");
}

TEST(ResponseWriter, ManyNumbersLoseNothing) {
  std::vector<int64_t> values(10'000);
  std::string expected;
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = INT64_MIN + static_cast<int64_t>(i);
    expected += (i == 0 ? "" : ",") + std::to_string(values[i]);
  }
  EXPECT_EQ(DataOf(Numbers<int64_t>(DataType::kInt64, {10'000}, values)), expected);
}

TEST(ResponseWriter, SmallTypesAndEmptyTensors) {
  EXPECT_EQ(DataOf(Numbers<uint8_t>(DataType::kBool, {2}, {1, 0})), "true,false");
  EXPECT_EQ(DataOf(Numbers<uint8_t>(DataType::kUint8, {1}, {255})), "255");
  EXPECT_EQ(DataOf(Numbers<int8_t>(DataType::kInt8, {1}, {-128})), "-128");
  EXPECT_EQ(DataOf(Numbers<float>(DataType::kFp32, {0, 4}, {})), "");
}

TEST(ResponseWriter, StringsAreEscapedOrRefused) {
  Tensor tensor;
  ASSERT_TRUE(tensor.Reset(DataType::kBytes, {2}).has_value());
  tensor.AppendString(std::string_view("a\"\\\0\x1f\tä", 8));
  tensor.AppendString("");
  tensor.SealStrings();
  EXPECT_EQ(DataOf(tensor), R"("a\"\\\u0000\u001f\u0009ä","")");

  ASSERT_TRUE(tensor.Reset(DataType::kBytes, {1}).has_value());
  tensor.AppendString("\xff");
  tensor.SealStrings();
  tensor::Signature signature;
  signature.outputs.push_back({.name = "y", .type = DataType::kBytes, .shape = {1}});
  const uint32_t wanted[] = {0};
  const std::optional<std::string> id;
  std::string out;
  const auto written = WriteAnswer({.id = id,
                                    .model = "m",
                                    .version = "1",
                                    .signature = signature,
                                    .wanted = wanted,
                                    .outputs = {&tensor, 1}},
                                   out);
  ASSERT_TRUE(written.has_error());
  EXPECT_EQ(written.error().reason(), "OUTPUT_NOT_UTF8");
}

}  // namespace
}  // namespace slipway::gateway::v2
