#include "gateway/v2/binary_tensor.h"

#include <cstring>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/v2/request_parser.h"

namespace slipway::gateway::v2 {
namespace {

using tensor::DataType;
using tensor::Shape;
using tensor::Signature;
using tensor::Tensor;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <class T>
std::string BytesOf(const std::vector<T>& numbers) {
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(T)};
}

std::string Packed(const std::vector<std::string>& strings) {
  std::string out;
  for (const std::string& text : strings) {
    const auto length = static_cast<uint32_t>(text.size());
    out.append(reinterpret_cast<const char*>(&length), sizeof(length)).append(text);
  }
  return out;
}

Signature OneInput(DataType type, const Shape& shape) {
  Signature signature;
  signature.inputs.push_back({.name = "x", .type = type, .shape = shape});
  signature.outputs.push_back({.name = "y", .type = type, .shape = shape});
  return signature;
}

// The reason of the refusal, or "" where there is none.
std::string Refused(DataType type, const Shape& shape, std::string_view bytes) {
  Tensor tensor;
  const Result<void> read = ReadBinary("x", type, shape, bytes, tensor);
  return read.has_error() ? std::string(read.error().reason()) : "";
}

TEST(BinaryTensor, NumbersOfAnyTypeComeBackAsTheyWere) {
  for (uint32_t number = 1; number <= 14; ++number) {
    const DataType type = *tensor::DataTypeFromNumber(number);
    if (type == DataType::kBytes) continue;
    std::string bytes(6 * ElementSize(type), '\0');
    for (size_t i = 0; i < bytes.size(); ++i) {
      bytes[i] = static_cast<char>(type == DataType::kBool ? i % 2 : i * 37);
    }
    Tensor tensor;
    ASSERT_TRUE(ReadBinary("x", type, {2, 3}, bytes, tensor).has_value()) << number;
    EXPECT_EQ(tensor.type(), type);
    EXPECT_EQ(tensor.shape(), (Shape{2, 3}));
    std::string again;
    AppendBinary(tensor, again);
    EXPECT_EQ(again, bytes) << number;
    EXPECT_EQ(BinarySize(tensor), bytes.size());
  }
}

TEST(BinaryTensor, AlignedBytesAreShownAndOthersCopied) {
  alignas(tensor::kBufferAlignment) char room[128] = {};
  Tensor shown;
  ASSERT_TRUE(ReadBinary("x", DataType::kFp32, {4}, {room, 16}, shown).has_value());
  EXPECT_EQ(static_cast<void*>(shown.data()), static_cast<void*>(room));
  Tensor copied;
  ASSERT_TRUE(ReadBinary("x", DataType::kFp32, {4}, {room + 1, 16}, copied).has_value());
  EXPECT_NE(static_cast<void*>(copied.data()), static_cast<void*>(room + 1));
}

TEST(BinaryTensor, StringsHaveTheirLengthBeforeThem) {
  const std::string bytes = Packed({"", "ab", std::string("\xff\0x", 3)});
  Tensor tensor;
  ASSERT_TRUE(ReadBinary("x", DataType::kBytes, {3, 1}, bytes, tensor).has_value());
  EXPECT_THAT(tensor.strings(), ElementsAre("", "ab", std::string_view("\xff\0x", 3)));
  std::string again;
  AppendBinary(tensor, again);
  EXPECT_EQ(again, bytes);
}

TEST(BinaryTensor, RefusesWhatIsNotTheTensor) {
  EXPECT_EQ(Refused(DataType::kFp32, {4}, std::string(15, 0)), "BINARY_SIZE");
  EXPECT_EQ(Refused(DataType::kFp32, {4}, std::string(17, 0)), "BINARY_SIZE");
  EXPECT_EQ(Refused(DataType::kFp64, {1 << 20, 1 << 20}, std::string(8, 0)), "BINARY_SIZE");
  EXPECT_EQ(Refused(DataType::kBool, {3}, std::string("\0\1\2", 3)), "BINARY_BOOL");
  EXPECT_EQ(Refused(DataType::kBool, {3}, std::string("\0\1\1", 3)), "");
  EXPECT_EQ(Refused(DataType::kFp32, {0, 4}, ""), "");
  EXPECT_EQ(Refused(DataType::kBytes, {1 << 30}, "abcd"), "BINARY_SIZE");
  EXPECT_EQ(Refused(DataType::kBytes, {1}, Packed({"a", "b"})), "BINARY_SIZE");
  EXPECT_EQ(Refused(DataType::kBytes, {1}, "\x05\0\0\0ab"), "BINARY_SIZE");
  const std::string cut = Packed({"a", "abcdef"});
  for (size_t size = 0; size < cut.size(); ++size) {
    EXPECT_NE(Refused(DataType::kBytes, {2}, cut.substr(0, size)), "") << size;
  }
}

class BinaryRequestTest : public ::testing::Test {
 protected:
  Result<void> Parse(std::string json, const std::string& binary, const Signature& signature) {
    json.reserve(json.size() + kBodyPadding);
    bytes_ = binary;
    return parser_.Parse(json, bytes_, {.name = "m", .signature = signature}, request_);
  }
  std::string Failure(const std::string& json, const std::string& binary,
                      const Signature& signature) {
    const Result<void> parsed = Parse(json, binary, signature);
    return parsed.has_error() ? std::string(parsed.error().message()) : "";
  }

  RequestParser parser_;
  InferRequest request_;
  std::string bytes_;
};

TEST_F(BinaryRequestTest, InputsTakeTheirPartsInTheOrderOfTheRequest) {
  Signature signature = OneInput(DataType::kFp32, {-1});
  signature.inputs.push_back({.name = "z", .type = DataType::kInt64, .shape = {-1}});
  signature.inputs.push_back({.name = "t", .type = DataType::kBytes, .shape = {-1}});
  const std::string json =
      R"({"inputs":[{"parameters":{"binary_data_size":8},"name":"z","datatype":"INT64","shape":[1]},
      {"name":"t","datatype":"BYTES","shape":[1],"data":["in JSON"]},
      {"name":"x","datatype":"FP32","shape":[2],"parameters":{"binary_data_size":8}}]})";
  const std::string binary = BytesOf<int64_t>({-7}) + BytesOf<float>({1.5, -2});
  ASSERT_TRUE(Parse(json, binary, signature).has_value());
  EXPECT_THAT(request_.inputs[0].as<float>(), ElementsAre(1.5, -2));
  EXPECT_THAT(request_.inputs[1].as<int64_t>(), ElementsAre(-7));
  EXPECT_THAT(request_.inputs[2].strings(), ElementsAre("in JSON"));

  EXPECT_THAT(Failure(json, binary.substr(1), signature), HasSubstr("only 7 are left"));
  EXPECT_THAT(Failure(json, binary + "a", signature), HasSubstr("1 bytes of binary data follow"));
  EXPECT_THAT(Failure(json, "", signature), HasSubstr("only 0 are left"));
}

TEST_F(BinaryRequestTest, BothFormsOfOneInputAreRefused) {
  const Signature signature = OneInput(DataType::kFp32, {1});
  for (const char* members : {R"("data":[1],"parameters":{"binary_data_size":4})",
                              R"("parameters":{"binary_data_size":4},"data":[1])"}) {
    EXPECT_THAT(Failure(R"({"inputs":[{"name":"x","shape":[1],"datatype":"FP32",)" +
                            std::string(members) + "}]}",
                        BytesOf<float>({1}), signature),
                HasSubstr("one of them is wanted"));
  }
  EXPECT_THAT(Failure(
                  R"({"inputs":[{"name":"x","shape":[1],"datatype":"FP32",
              "parameters":{"binary_data_size":"4"}}]})",
                  "", signature),
              HasSubstr("binary_data_size"));
}

TEST_F(BinaryRequestTest, AnOutputsOwnWishWinsOverThatOfTheRequest) {
  Signature signature = OneInput(DataType::kFp32, {1});
  signature.outputs.push_back({.name = "w", .type = DataType::kFp32, .shape = {1}});
  const std::string input = R"("inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1]}])";
  ASSERT_TRUE(Parse("{" + input + R"(,"outputs":[{"name":"w"},
      {"name":"y","parameters":{"binary_data":false,"classification":3}}],
      "parameters":{"binary_data_output":true}})",
                    "", signature)
                  .has_value());
  EXPECT_THAT(request_.wanted, ElementsAre(1, 0));
  EXPECT_TRUE(request_.forms[0].binary);
  EXPECT_FALSE(request_.forms[1].binary);
  EXPECT_EQ(request_.forms[1].classes, 3u);
  // What tritonclient sends where no outputs are listed.
  ASSERT_TRUE(Parse(R"({"parameters":{"binary_data_output":true},)" + input + "}", "", signature)
                  .has_value());
  EXPECT_TRUE(request_.forms[0].binary);
  EXPECT_TRUE(request_.forms[1].binary);
  ASSERT_TRUE(Parse("{" + input + "}", "", signature).has_value());
  EXPECT_FALSE(request_.forms[0].binary);
}

// The shape that a raw request of `bytes` gets, or the reason of the refusal.
std::string RawShapeOf(const Signature& signature, std::string_view bytes) {
  InferRequest request;
  const Result<void> read = ReadRawRequest(bytes, {.name = "m", .signature = signature}, request);
  if (read.has_error()) return std::string(read.error().reason());
  EXPECT_TRUE(request.forms.at(0).binary);
  return request.inputs[0].shape().ToString();
}

TEST(RawRequest, TheBytesDecideOneOpenDimension) {
  const std::string bytes(48, 0);
  EXPECT_EQ(RawShapeOf(OneInput(DataType::kFp32, {3, 4}), bytes), "[3,4]");
  EXPECT_EQ(RawShapeOf(OneInput(DataType::kFp32, {-1, 4}), bytes), "[3,4]");
  EXPECT_EQ(RawShapeOf(OneInput(DataType::kFp32, {-1, -1}), bytes), "[1,12]");
  EXPECT_EQ(RawShapeOf(OneInput(DataType::kFp32, {-1, 2, -1}), bytes), "[1,2,6]");
  EXPECT_EQ(RawShapeOf(OneInput(DataType::kFp32, {-1, 4}), bytes.substr(1)), "BINARY_SIZE");
  EXPECT_EQ(RawShapeOf(OneInput(DataType::kFp32, {3, 5}), bytes), "BINARY_SIZE");
  EXPECT_EQ(RawShapeOf(OneInput(DataType::kFp32, {2, -1, -1}), bytes), "RAW_INPUT");
  Signature two = OneInput(DataType::kFp32, {-1});
  two.inputs.push_back(two.inputs[0]);
  EXPECT_EQ(RawShapeOf(two, bytes), "RAW_INPUT");
}

TEST(RawRequest, AStringIsTheWholeBody) {
  const Signature signature = OneInput(DataType::kBytes, {-1});
  InferRequest request;
  ASSERT_TRUE(ReadRawRequest("a text", {.name = "m", .signature = signature}, request).has_value());
  EXPECT_THAT(request.inputs[0].strings(), ElementsAre("a text"));
  EXPECT_EQ(RawShapeOf(OneInput(DataType::kBytes, {2}), "ab"), "RAW_INPUT");
}

}  // namespace
}  // namespace slipway::gateway::v2
