#include "engine/program/v2_message.h"

#include <cmath>
#include <cstring>
#include <tuple>

#include <gtest/gtest.h>

#include "engine/program/settings.h"

namespace slipway::engine::program {
namespace {

using tensor::DataType;
using tensor::Tensor;

constexpr std::string_view kMetadata =
    R"({"name":"m","platform":"p","inputs":[{"name":"x","datatype":"FP32","shape":[-1,2]}],
        "outputs":[{"name":"y","datatype":"FP32","shape":[-1,2]},
                   {"name":"label","datatype":"BYTES","shape":[-1]}]})";

tensor::Signature Signature() {
  return ReadMetadata(kMetadata, "m").value().signature;
}

std::vector<Tensor> Inputs(float first) {
  std::vector<Tensor> inputs(1);
  EXPECT_TRUE(inputs[0].Reset(DataType::kFp32, {1, 2}).has_value());
  inputs[0].as<float>()[0] = first;
  inputs[0].as<float>()[1] = 2;
  return inputs;
}

TEST(V2MessageTest, MetadataIsTheSignature) {
  const auto metadata = ReadMetadata(kMetadata, "m");
  ASSERT_TRUE(metadata.has_value());
  EXPECT_EQ(metadata->platform, "p");
  EXPECT_EQ(metadata->signature.inputs[0].shape, tensor::Shape({-1, 2}));
  EXPECT_EQ(metadata->signature.outputs[1].type, DataType::kBytes);
}

TEST(V2MessageTest, OddMetadataIsRefusedByItsField) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"no", "byte"},
      {R"({"name":"n","inputs":[],"outputs":[]})", "it tells of 'n'"},
      {R"({"name":"m","inputs":[],"outputs":[{"name":"y","datatype":"FP32",)"
       R"("shape":[18446744073709551615]}]})",
       "outputs[0].shape"},
      {R"({"name":"m","outputs":[]})", "inputs is no list"},
      {R"({"name":"m","inputs":[],"outputs":[]})", "it has no outputs"},
      {R"({"name":"m","inputs":[{"name":"x","datatype":"F","shape":[]}],"outputs":[]})",
       "inputs[0].datatype is 'F'"},
      {R"({"name":"m","inputs":[],"outputs":[{"name":"y","datatype":"FP32","shape":[1.5]}]})",
       "outputs[0].shape"},
      {R"({"name":"m","inputs":[],"outputs":[{"name":"","datatype":"FP32","shape":[1]}]})", ""}};
  for (const auto& [body, words] : cases) {
    const auto metadata = ReadMetadata(body, "m");
    ASSERT_TRUE(metadata.has_error()) << body;
    EXPECT_EQ(metadata.error().reason(), "PROGRAM_METADATA");
    EXPECT_NE(metadata.error().message().find(words), std::string::npos)
        << metadata.error().message();
  }
}

TEST(V2MessageTest, RequestsAreBinaryOrJson) {
  const std::vector<Tensor> inputs = Inputs(1);
  const uint32_t wanted[] = {1};
  const auto binary = WriteRequest(Signature(), inputs, wanted, true);
  ASSERT_TRUE(binary.has_value());
  EXPECT_EQ(binary->body.substr(0, binary->header_bytes),
            R"({"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32",)"
            R"("parameters":{"binary_data_size":8}}],)"
            R"("outputs":[{"name":"label","parameters":{"binary_data":true}}]})");
  EXPECT_EQ(std::memcmp(binary->body.data() + binary->header_bytes, inputs[0].data(), 8), 0);
  const auto json = WriteRequest(Signature(), inputs, wanted, false);
  ASSERT_TRUE(json.has_value());
  EXPECT_EQ(json->header_bytes, 0);
  EXPECT_EQ(json->body,
            R"({"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1.0,2.0]}],)"
            R"("outputs":[{"name":"label"}]})");
  const auto infinite = WriteRequest(Signature(), Inputs(INFINITY), wanted, false);
  ASSERT_TRUE(infinite.has_error());
  EXPECT_EQ(infinite.error().reason(), "PROGRAM_JSON");
}

TEST(V2MessageTest, AnswersAreReadInTheOrderThatIsWanted) {
  const uint32_t wanted[] = {1, 0};
  std::vector<Tensor> outputs(2);
  std::string head =
      R"({"outputs":[{"name":"y","datatype":"FP32","shape":[1,2],)"
      R"("parameters":{"binary_data_size":8}},{"name":"label","datatype":"BYTES","shape":[1],)"
      R"("data":["cat"]}]})";
  const uint64_t header_bytes = head.size();
  const float numbers[] = {3, 4};
  std::string body = head.append(reinterpret_cast<const char*>(numbers), sizeof(numbers));
  const auto read = ReadAnswer(body, header_bytes, Signature(), wanted, outputs);
  ASSERT_TRUE(read.has_value()) << read.error().message();
  EXPECT_EQ(outputs[0].strings()[0], "cat");
  EXPECT_EQ(outputs[1].as<float>()[0], 3);
  EXPECT_EQ(outputs[1].as<float>()[1], 4);
}

TEST(V2MessageTest, WhatIsNoAnswerIsRefusedByItsField) {
  const std::pair<std::string, std::string_view> cases[] = {
      {"<html>", "byte"},
      {"[]", "no list outputs"},
      {R"({"outputs":[]})", "no output 'y'"},
      {R"({"outputs":[{"name":"y","datatype":"FP64","shape":[1,2],"data":[1,2]}]})", "type 'FP64'"},
      {R"({"outputs":[{"name":"y","datatype":"FP32","shape":[1],"data":[1]}]})", "shape [1]"},
      {R"({"outputs":[{"name":"y","datatype":"FP32","shape":[1,-1],"data":[1]}]})", "no shape"},
      {R"({"outputs":[{"name":"y","datatype":"FP32","shape":[1,2],"data":[1]}]})", "1 elements"},
      {R"({"outputs":[{"name":"y","datatype":"FP32","shape":[1,2],"data":[1,"a"]}]})",
       "an element"},
      {R"({"outputs":[{"name":"y","datatype":"FP32","shape":[1,2]}]})", "no data"},
      {R"({"outputs":[{"name":"y","datatype":"FP32","shape":[1,2],)"
       R"("parameters":{"binary_data_size":9}}]})",
       "longer than it"},
      {R"({"outputs":[{"name":"y","datatype":"FP32","shape":[1,2],)"
       R"("parameters":{"binary_data_size":-1}}]})",
       "no size"}};
  const uint32_t wanted[] = {0};
  for (const auto& [text, words] : cases) {
    std::string body = text;
    std::vector<Tensor> outputs(1);
    const auto read = ReadAnswer(body, 0, Signature(), wanted, outputs);
    ASSERT_TRUE(read.has_error()) << text;
    EXPECT_EQ(read.error().reason(), "PROGRAM_ANSWER");
    EXPECT_NE(read.error().message().find(words), std::string::npos) << read.error().message();
  }
}

TEST(V2MessageTest, NumbersThatTheTypeDoesNotHaveAreNotCut) {
  const std::tuple<DataType, std::string, bool> cases[] = {
      {DataType::kUint8, "255", true},
      {DataType::kUint8, "256", false},
      {DataType::kUint8, "-1", false},
      {DataType::kInt8, "-128", true},
      {DataType::kInt8, "128", false},
      {DataType::kInt64, "9223372036854775807", true},
      {DataType::kInt64, "9223372036854775808", false},
      {DataType::kUint64, "18446744073709551615", true},
      {DataType::kUint64, "-1", false},
      {DataType::kInt32, "1.0", false},
      {DataType::kBool, "4294967296", true}};
  const uint32_t wanted[] = {0};
  for (const auto& [type, number, is_good] : cases) {
    tensor::Signature signature;
    signature.outputs.push_back({.name = "y", .type = type, .shape = {1}});
    std::string body = R"({"outputs":[{"name":"y","shape":[1],"datatype":")" +
                       std::string(DataTypeName(type)) + R"(","data":[)" + number + "]}]}";
    std::vector<Tensor> outputs(1);
    const auto read = ReadAnswer(body, 0, signature, wanted, outputs);
    EXPECT_EQ(read.has_value(), is_good) << body;
    if (type == DataType::kBool && is_good) EXPECT_EQ(outputs[0].as<uint8_t>()[0], 1);
  }
}

TEST(V2MessageTest, TheProgramsOwnErrorIsTold) {
  const Error own = ErrorOfAnswer(400, R"({"error":"no such thing"})");
  EXPECT_EQ(own.code(), Code::kInvalidArgument);
  EXPECT_EQ(own.message(), "no such thing");
  EXPECT_EQ(ErrorOfAnswer(503, "").code(), Code::kUnavailable);
  const Error odd = ErrorOfAnswer(302, std::string(5000, 'x'));
  EXPECT_EQ(odd.code(), Code::kInternal);
  EXPECT_LE(odd.message().size(), 1024);
}

TEST(V2MessageTest, PlacesAreFilledIn) {
  const Places places{.program = "/p", .models = "/m", .repository = "/r", .port = "20001"};
  EXPECT_EQ(Filled({"{program}/a", "--port={port}{port}", "{models}:{repository}", "{else}", "{"},
                   places),
            (std::vector<std::string>{"/p/a", "--port=2000120001", "/m:/r", "{else}", "{"}));
}

TEST(V2MessageTest, SettingsGoThroughAWord) {
  const Settings settings{.folder = "/f",
                          .command = {"a", "{port} \"b\""},
                          .start_timeout_ms = 1000,
                          .models = {{.name = "m", .path = "/m"}},
                          .readable = {"/usr"}};
  const auto back = DecodeSettings(EncodeSettings(settings));
  ASSERT_TRUE(back.has_value()) << back.error().message();
  EXPECT_EQ(back->command, settings.command);
  EXPECT_EQ(back->models[0].path, "/m");
  EXPECT_TRUE(DecodeSettings("{").has_error());
}

}  // namespace
}  // namespace slipway::engine::program
