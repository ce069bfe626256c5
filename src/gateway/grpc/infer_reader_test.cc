#include "gateway/grpc/infer_reader.h"

#include <cstring>
#include <functional>

#include <gtest/gtest.h>

#include "gateway/grpc/infer_writer.h"
#include "gateway/grpc/wire.h"
#include "gateway/limits.h"

namespace slipway::gateway::grpc {
namespace {

using tensor::DataType;

using Build = std::function<void(WireWriter&)>;

std::string Message(const Build& build) {
  std::string out;
  WireWriter writer(out);
  build(writer);
  return out;
}

template <class T>
std::string Bytes(std::initializer_list<T> values) {
  return {reinterpret_cast<const char*>(values.begin()), values.size() * sizeof(T)};
}

std::string Input(std::string_view name, std::string_view type, std::vector<int64_t> shape,
                  std::string_view contents = "") {
  return Message([&](WireWriter& input) {
    input.Bytes(1, name);
    input.Bytes(2, type);
    input.Packed(3, shape);
    input.Bytes(5, contents);
  });
}

std::string Parameter(std::string_view key, const Build& value) {
  return Message([&](WireWriter& entry) {
    entry.Bytes(1, key);
    entry.Element(2, Message(value));
  });
}

class InferReaderTest : public testing::Test {
 protected:
  InferReaderTest() {
    signature_.inputs = {{.name = "x", .type = DataType::kFp32, .shape = {-1, 2}, .symbols = {}},
                         {.name = "i", .type = DataType::kInt8, .shape = {-1}, .symbols = {}}};
    signature_.outputs = {{.name = "y", .type = DataType::kFp32, .shape = {-1, 2}, .symbols = {}},
                          {.name = "s", .type = DataType::kBytes, .shape = {-1}, .symbols = {}}};
  }

  Result<void> Read(const std::string& bytes) {
    const v2::ModelFace face{.name = "m", .signature = signature_};
    TRY_VOID(reader_.Open(bytes));
    return reader_.Read(face, request_);
  }
  std::string ReasonOf(const std::string& bytes) {
    const Result<void> read = Read(bytes);
    return read.has_error() ? std::string(read.error().reason()) : "";
  }
  // The inputs x and i, whole, with more fields behind.
  static std::string Good(const Build& more = [](WireWriter&) {}) {
    return Message([&](WireWriter& message) {
      message.Bytes(1, "m");
      message.Bytes(2, "3");
      message.Bytes(3, "id-7");
      message.Element(5, Input("x", "FP32", {1, 2}));
      message.Element(5, Input("i", "INT8", {3}));
      message.Element(7, Bytes<float>({1.5F, -2}));
      message.Element(7, Bytes<int8_t>({1, -1, 127}));
      more(message);
    });
  }

  tensor::Signature signature_;
  InferReader reader_;
  v2::InferRequest request_;
};

TEST_F(InferReaderTest, ReadsRawContents) {
  const std::string bytes = Good();
  ASSERT_TRUE(Read(bytes).has_value());
  EXPECT_EQ(reader_.model(), "m");
  EXPECT_EQ(reader_.version(), "3");
  EXPECT_EQ(request_.id, "id-7");
  EXPECT_EQ(request_.inputs[0].as<float>()[1], -2);
  EXPECT_EQ(request_.inputs[1].as<int8_t>()[2], 127);
  EXPECT_EQ(request_.wanted, (std::vector<uint32_t>{0, 1}));
  EXPECT_FALSE(reader_.wants_final());
}

TEST_F(InferReaderTest, ReadsTypedContentsPackedAndNot) {
  const std::string packed = Message([](WireWriter& contents) {
    contents.Element(6, Bytes<float>({1.5F}));
    contents.Element(6, Bytes<float>({-2}));
  });
  std::string single = "\x10\x05";  // int_contents, one by one
  single += std::string("\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11);
  const std::string bytes = Message([&](WireWriter& message) {
    message.Element(5, Input("i", "INT8", {2}, single));
    message.Element(5, Input("x", "FP32", {1, 2}, packed));
  });
  ASSERT_TRUE(Read(bytes).has_value()) << Read(bytes).error().ToString();
  EXPECT_EQ(request_.inputs[0].as<float>()[0], 1.5F);
  EXPECT_EQ(request_.inputs[0].as<float>()[1], -2);
  EXPECT_EQ(request_.inputs[1].as<int8_t>()[0], 5);
  EXPECT_EQ(request_.inputs[1].as<int8_t>()[1], -1);
}

TEST_F(InferReaderTest, RefusesTypedContentsThatDoNotFit) {
  const auto with_i = [&](const Build& contents) {
    return Message([&](WireWriter& message) {
      message.Element(5, Input("x", "FP32", {0, 2}));
      message.Element(5, Input("i", "INT8", {2}, Message(contents)));
    });
  };
  const std::vector<int64_t> two = {1, 2};
  const std::vector<int64_t> three = {1, 2, 3};
  const std::vector<int64_t> large = {1, 128};
  EXPECT_EQ(ReasonOf(with_i([&](WireWriter& out) { out.Packed(2, two); })), "");
  EXPECT_EQ(ReasonOf(with_i([&](WireWriter& out) { out.Packed(2, three); })), "CONTENTS_SIZE");
  EXPECT_EQ(ReasonOf(with_i([](WireWriter&) {})), "CONTENTS_SIZE");
  EXPECT_EQ(ReasonOf(with_i([&](WireWriter& out) { out.Packed(2, large); })), "CONTENTS_RANGE");
  EXPECT_EQ(ReasonOf(with_i([&](WireWriter& out) { out.Packed(3, two); })), "CONTENTS_TYPE");
  EXPECT_EQ(ReasonOf(with_i([](WireWriter& out) { out.Element(2, "\xff\xff"); })),
            "MESSAGE_INVALID");
  // Nothing is allocated for a shape that the contents cannot have.
  EXPECT_EQ(ReasonOf(Message([](WireWriter& message) {
              message.Element(5, Input("i", "INT8", {1'000'000'000'000}, "\x12\x01\x01"));
            })),
            "CONTENTS_SIZE");
}

TEST_F(InferReaderTest, RefusesWhatTheSignatureDoesNotHave) {
  const auto with = [](const std::string& input) {
    return Message([&](WireWriter& message) { message.Element(5, input); });
  };
  EXPECT_EQ(ReasonOf(with(Input("z", "FP32", {1, 2}))), "INPUT_UNKNOWN");
  EXPECT_EQ(ReasonOf(with(Input("x", "FP64", {1, 2}))), "INPUT_TYPE");
  EXPECT_EQ(ReasonOf(with(Input("x", "FP31", {1, 2}))), "REQUEST_INVALID");
  EXPECT_EQ(ReasonOf(with(Input("x", "FP32", {1, 3}))), "INPUT_SHAPE");
  EXPECT_EQ(ReasonOf(with(Input("x", "FP32", {-1, 2}))), "REQUEST_INVALID");
  EXPECT_EQ(ReasonOf(with(Input("x", "FP32", std::vector<int64_t>(33, 1)))), "REQUEST_INVALID");
  EXPECT_EQ(ReasonOf(""), "INPUT_MISSING");
  EXPECT_EQ(ReasonOf(Good([](WireWriter& message) {
              message.Element(5, Input("x", "FP32", {1, 2}));
              message.Element(7, Bytes<float>({1, 2}));
            })),
            "INPUT_REPEATED");
  EXPECT_EQ(ReasonOf(Good([](WireWriter& message) {
              message.Element(6, Message([](WireWriter& output) { output.Bytes(1, "z"); }));
            })),
            "OUTPUT_UNKNOWN");
}

TEST_F(InferReaderTest, RefusesRawContentsThatDoNotFit) {
  EXPECT_EQ(ReasonOf(Good([](WireWriter& message) { message.Element(7, "1"); })),
            "REQUEST_INVALID");
  const auto raw = [](std::string_view x, std::string_view contents) {
    return Message([&](WireWriter& message) {
      message.Element(5, Input("x", "FP32", {1, 2}, contents));
      message.Element(5, Input("i", "INT8", {0}));
      message.Element(7, x);
      message.Element(7, "");
    });
  };
  EXPECT_EQ(ReasonOf(raw("12345678", "")), "");
  EXPECT_EQ(ReasonOf(raw("1234567", "")), "BINARY_SIZE");
  EXPECT_EQ(ReasonOf(raw("12345678",
                         Message([](WireWriter& out) { out.Element(6, Bytes<float>({1, 2})); }))),
            "REQUEST_INVALID");
}

TEST_F(InferReaderTest, ReadsParametersAndOutputs) {
  const std::string bytes = Good([](WireWriter& message) {
    message.Element(4, Parameter("timeout", [](WireWriter& value) { value.Varint(2, 1'500); }));
    message.Element(4, Parameter("priority", [](WireWriter& value) { value.Varint(5, 2); }));
    message.Element(4, Parameter("triton_enable_empty_final_response",
                                 [](WireWriter& value) { value.Bool(1, true); }));
    message.Element(4, Parameter("whatever", [](WireWriter& value) { value.Bytes(3, "text"); }));
    message.Element(6, Message([](WireWriter& output) {
                      output.Bytes(1, "y");
                      output.Element(2, Parameter("classification",
                                                  [](WireWriter& value) { value.Varint(2, 1); }));
                    }));
  });
  ASSERT_TRUE(Read(bytes).has_value());
  EXPECT_EQ(request_.timeout, std::chrono::microseconds(1'500));
  EXPECT_EQ(request_.priority, 2u);
  EXPECT_TRUE(reader_.wants_final());
  EXPECT_EQ(request_.wanted, std::vector<uint32_t>{0});
  EXPECT_EQ(request_.forms[0].classes, 1u);
  const auto parameter = [&](std::string_view key, const Build& value) {
    return ReasonOf(Good([&](WireWriter& message) { message.Element(4, Parameter(key, value)); }));
  };
  EXPECT_EQ(parameter("triton_other", [](WireWriter& value) { value.Bool(1, true); }),
            "REQUEST_INVALID");
  EXPECT_EQ(parameter("timeout", [](WireWriter& value) { value.Bytes(3, "soon"); }),
            "REQUEST_INVALID");
  EXPECT_EQ(parameter("timeout", [](WireWriter& value) { value.Bytes(3, "1000"); }), "");
  EXPECT_EQ(ReasonOf(Good([](WireWriter& message) {
              for (size_t i = 0; i <= kMaxParameters; ++i) message.Element(4, "");
            })),
            "REQUEST_INVALID");
}

TEST_F(InferReaderTest, RefusesWhatIsNoMessage) {
  EXPECT_EQ(ReasonOf("\xff"), "MESSAGE_INVALID");
  EXPECT_EQ(ReasonOf(std::string("\0\0", 2)), "MESSAGE_INVALID");
  EXPECT_EQ(ReasonOf("\x2a\x05x"), "MESSAGE_INVALID");
  EXPECT_EQ(ReasonOf("\x0b"), "MESSAGE_INVALID") << "a group";
  EXPECT_EQ(ReasonOf(Message([](WireWriter& message) { message.Element(5, "\x0a\x7f"); })),
            "MESSAGE_INVALID");
  const std::string good = Good();
  for (size_t i = 0; i < good.size(); ++i) (void)Read(good.substr(0, i));
  EXPECT_EQ(ReasonOf(Good([](WireWriter& message) { message.Bytes(3, "\xff"); })),
            "REQUEST_INVALID");
}

TEST_F(InferReaderTest, WritesWhatClientsRead) {
  ASSERT_TRUE(Read(Good()).has_value());
  std::vector<tensor::Tensor> outputs(2);
  ASSERT_TRUE(outputs[0].Reset(DataType::kFp32, {1, 2}).has_value());
  outputs[0].as<float>()[0] = 3;
  outputs[0].as<float>()[1] = 4;
  ASSERT_TRUE(outputs[1].Reset(DataType::kBytes, {2}).has_value());
  outputs[1].AppendString("ab");
  outputs[1].AppendString("");
  outputs[1].SealStrings();
  std::string out = "head";
  ASSERT_TRUE(WriteInferResponse({.model = "m",
                                  .version = "3",
                                  .signature = signature_,
                                  .request = request_,
                                  .outputs = outputs,
                                  .is_last = true},
                                 out)
                  .has_value());
  std::vector<std::string_view> specs;
  std::vector<std::string_view> raw;
  WireReader reader(std::string_view(out).substr(4));
  for (WireField field; reader.Next(field);) {
    if (field.IsBytes(3)) EXPECT_EQ(field.bytes, "id-7");
    if (field.IsBytes(4))
      EXPECT_TRUE(field.bytes.find("triton_final_response") != field.bytes.npos);
    if (field.IsBytes(5)) specs.push_back(field.bytes);
    if (field.IsBytes(6)) raw.push_back(field.bytes);
  }
  EXPECT_FALSE(reader.is_broken());
  ASSERT_EQ(specs.size(), 2u);
  EXPECT_EQ(specs[0], Input("y", "FP32", {1, 2}));
  EXPECT_EQ(specs[1], Input("s", "BYTES", {2}));
  EXPECT_EQ(raw[0], Bytes<float>({3, 4}));
  EXPECT_EQ(raw[1], std::string("\2\0\0\0ab\0\0\0\0", 10));
}

}  // namespace
}  // namespace slipway::gateway::grpc
