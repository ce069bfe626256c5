#include "model/formats/onnx.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file_system.h"
#include "model/limits.h"
#include "oci/content_source.h"

namespace slipway::model {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kFixtures[] = "tests/fixtures/models/";

Result<OnnxModel> ReadBytes(std::string bytes) {
  const auto file = oci::MakeMemoryFile(std::make_shared<const std::string>(std::move(bytes)));
  return ReadOnnx(*file);
}

std::string FixtureBytes(const std::string& name) {
  auto bytes = ReadWholeFile(PosixFileSystem(), kFixtures + name, 1 << 20);
  EXPECT_TRUE(bytes.has_value()) << name;
  return bytes ? *bytes : std::string();
}

// Protobuf's wire format, for files that no exporter would write.
std::string Varint(uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
  return out;
}
std::string Number(uint32_t field, uint64_t value) {
  return Varint(field << 3) + Varint(value);
}
std::string Bytes(uint32_t field, const std::string& content) {
  return Varint(field << 3 | 2) + Varint(content.size()) + content;
}

std::string Dim(int64_t value) {
  return Bytes(1, Number(1, static_cast<uint64_t>(value)));
}
std::string TensorType(int32_t element_type, const std::string& dims) {
  return Bytes(1, Number(1, static_cast<uint64_t>(element_type)) + Bytes(2, dims));
}
std::string Value(const std::string& name, const std::string& type) {
  return Bytes(1, name) + Bytes(2, type);
}
std::string GraphWith(const std::string& more) {
  return Bytes(12, Value("y", TensorType(1, Dim(1)))) + more;
}
std::string ModelWith(const std::string& graph) {
  return Number(1, 8) + Bytes(8, Number(2, 17)) + Bytes(7, graph);
}

void ExpectInvalid(const Result<OnnxModel>& result, const std::string& words) {
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code(), Code::kInvalidArgument);
  EXPECT_EQ(result.error().reason(), "MODEL_INVALID");
  EXPECT_THAT(result.error().message(), HasSubstr(words));
}

TEST(OnnxTest, ReadsModelWithSymbolicDimensions) {
  const auto model = ReadBytes(FixtureBytes("dynamic_batch.onnx"));
  ASSERT_TRUE(model.has_value()) << model.error().ToString();
  EXPECT_EQ(model->ir_version, 8);
  EXPECT_EQ(model->producer_name, "slipway-fixtures");
  EXPECT_EQ(model->graph_name, "dynamic_batch");
  ASSERT_EQ(model->opsets.size(), 1u);
  EXPECT_EQ(model->opsets[0].version, 17);
  ASSERT_EQ(model->inputs.size(), 1u);
  EXPECT_EQ(model->inputs[0].name, "x");
  EXPECT_EQ(model->inputs[0].type, tensor::DataType::kFp32);
  EXPECT_EQ(model->inputs[0].shape, (tensor::Shape{-1, 4}));
  EXPECT_THAT(model->inputs[0].symbols, ElementsAre("batch", ""));
  ASSERT_EQ(model->outputs.size(), 2u);
  EXPECT_EQ(model->outputs[1].name, "sum");
  EXPECT_EQ(model->outputs[1].shape, tensor::Shape{-1});
}

TEST(OnnxTest, ReadsEveryElementTypeOfTheProtocol) {
  const auto model = ReadBytes(FixtureBytes("all_types.onnx"));
  ASSERT_TRUE(model.has_value()) << model.error().ToString();
  const auto signature = SignatureOf(*model);
  ASSERT_TRUE(signature.has_value()) << signature.error().ToString();
  std::vector<std::string> names;
  for (const auto& input : signature->inputs) names.emplace_back(tensor::DataTypeName(input.type));
  EXPECT_THAT(names, ElementsAre("BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16",
                                 "INT32", "INT64", "FP16", "FP32", "FP64", "BYTES", "BF16"));
}

TEST(OnnxTest, InputsThatAnInitializerGivesAreLeftOut) {
  const auto model = ReadBytes(FixtureBytes("initializer_as_input.onnx"));
  ASSERT_TRUE(model.has_value()) << model.error().ToString();
  ASSERT_EQ(model->inputs.size(), 1u);
  EXPECT_EQ(model->inputs[0].name, "x");
}

TEST(OnnxTest, ScalarHasNoDimensions) {
  const auto model = ReadBytes(FixtureBytes("scalar.onnx"));
  ASSERT_TRUE(model.has_value()) << model.error().ToString();
  EXPECT_EQ(model->inputs[0].shape.rank(), 0u);
}

TEST(OnnxTest, ExternalDataFilesAreNamed) {
  const auto model = ReadBytes(FixtureBytes("external_data/model.onnx"));
  ASSERT_TRUE(model.has_value()) << model.error().ToString();
  EXPECT_THAT(model->external_files, ElementsAre("weights.bin"));
}

TEST(OnnxTest, WalksSubGraphs) {
  const auto model = ReadBytes(FixtureBytes("slow_loop.onnx"));
  ASSERT_TRUE(model.has_value()) << model.error().ToString();
  EXPECT_EQ(model->inputs.size(), 2u);
  EXPECT_THAT(model->external_files, IsEmpty());
}

TEST(OnnxTest, SequenceOutputHasNoSignature) {
  const auto model = ReadBytes(FixtureBytes("sequence_output.onnx"));
  ASSERT_TRUE(model.has_value()) << model.error().ToString();
  EXPECT_EQ(model->outputs[0].kind, "sequence");
  const auto signature = SignatureOf(*model);
  ASSERT_FALSE(signature.has_value());
  EXPECT_EQ(signature.error().reason(), "MODEL_UNSUPPORTED");
  EXPECT_THAT(signature.error().message(), HasSubstr("output 'y' is a sequence"));
}

TEST(OnnxTest, TextIsNoModel) {
  const auto result = ReadBytes(FixtureBytes("not_a_model.onnx"));
  ExpectInvalid(result, "byte 0: field 10 has wire type 4");
  EXPECT_EQ(result.error().detail("byte"), "0");
}

TEST(OnnxTest, EveryTruncationOfAModelIsRefusedOrStillAModel) {
  const std::string whole = FixtureBytes("mlp_a.onnx");
  size_t refused = 0;
  for (size_t size = 0; size < whole.size(); ++size) {
    const auto result = ReadBytes(whole.substr(0, size));
    if (result) continue;
    ++refused;
    EXPECT_EQ(result.error().reason(), "MODEL_INVALID") << size;
  }
  // What comes after the graph is the operator set, without which it is no model.
  EXPECT_EQ(refused, whole.size());
}

TEST(OnnxTest, EmptyFile) {
  ExpectInvalid(ReadBytes(""), "byte 0: the file is empty");
}

TEST(OnnxTest, MissingParts) {
  ExpectInvalid(ReadBytes(Number(1, 8)), "the model has no graph");
  ExpectInvalid(ReadBytes(Bytes(7, GraphWith(""))), "ir_version is missing");
  ExpectInvalid(ReadBytes(Number(1, 8) + Bytes(7, GraphWith(""))), "imports no operator set");
  ExpectInvalid(ReadBytes(ModelWith("")), "has no output");
  ExpectInvalid(ReadBytes(ModelWith(GraphWith("")) + Bytes(7, GraphWith(""))), "a second graph");
  EXPECT_TRUE(ReadBytes(ModelWith(GraphWith(""))).has_value());
}

TEST(OnnxTest, TruncatedVarint) {
  ExpectInvalid(ReadBytes(std::string("\x08\xff", 2)), "byte 1: a number is cut off at byte 2");
}

TEST(OnnxTest, VarintOfMoreThan64Bits) {
  ExpectInvalid(ReadBytes("\x08" + std::string(10, '\xff') + "\x01"),
                "byte 1: a number has more than 64 bits");
}

TEST(OnnxTest, LengthBeyondTheEnd) {
  ExpectInvalid(ReadBytes(Number(1, 8) + "\x3a\x7f" + "abc"),
                "byte 2: field 7 says it has 127 bytes, 3 are left");
  ExpectInvalid(ReadBytes(Varint(7 << 3 | 2) + Varint(UINT64_MAX)), "18446744073709551615 bytes");
}

TEST(OnnxTest, FieldNumberZero) {
  ExpectInvalid(ReadBytes(std::string("\x00\x01", 2)), "a field has the number 0");
}

TEST(OnnxTest, WrongWireTypes) {
  ExpectInvalid(ReadBytes(Bytes(1, "x")), "ir_version (field 1) has wire type 2");
  ExpectInvalid(ReadBytes(Number(7, 1)), "the graph (field 7) has wire type 0");
  ExpectInvalid(ReadBytes(ModelWith(GraphWith(Number(11, 1)))),
                "an input or output (field 11) has wire type 0");
}

TEST(OnnxTest, NegativeDimensions) {
  const auto with_dim = [](int64_t dim) {
    return ModelWith(GraphWith(Bytes(11, Value("x", TensorType(1, Dim(dim))))));
  };
  ExpectInvalid(ReadBytes(with_dim(-2)), "a dimension of 'x' is -2");
  const auto any = ReadBytes(with_dim(-1));
  ASSERT_TRUE(any.has_value());
  EXPECT_EQ(any->inputs[0].shape, tensor::Shape{-1});
}

TEST(OnnxTest, TooManyDimensions) {
  std::string dims;
  for (size_t i = 0; i <= tensor::kMaxRank; ++i) dims += Dim(1);
  ExpectInvalid(ReadBytes(ModelWith(GraphWith(Bytes(11, Value("x", TensorType(1, dims)))))),
                "'x' has more than 32 dimensions");
}

TEST(OnnxTest, NameThatIsNoUtf8) {
  const std::string model =
      ModelWith(Bytes(11, Value("first", "")) + GraphWith(Bytes(11, Value("abc\xc0\x80", ""))));
  const size_t at = model.find('\xc0');
  ExpectInvalid(ReadBytes(model),
                "byte " + std::to_string(at) + ": the name of input 1 is no UTF-8 text");
  ExpectInvalid(ReadBytes(ModelWith(GraphWith(Bytes(12, Value("y\xff", ""))))),
                "the name of output 1 is no UTF-8 text");
}

TEST(OnnxTest, TextThatIsNoUtf8) {
  const std::string bad = "p\xed\xa0\x80";  // a surrogate
  const std::string graph = GraphWith("");
  for (uint32_t field : {2U, 3U}) {  // producer_name, producer_version
    ExpectInvalid(ReadBytes(ModelWith(graph) + Bytes(field, bad)), "is no UTF-8 text");
  }
  ExpectInvalid(ReadBytes(ModelWith(graph) + Bytes(8, Bytes(1, bad))), "is no UTF-8 text");
  ExpectInvalid(ReadBytes(ModelWith(GraphWith(Bytes(2, bad)))), "is no UTF-8 text");
  const std::string symbol = TensorType(1, Bytes(1, Bytes(2, bad)));
  ExpectInvalid(ReadBytes(ModelWith(GraphWith(Bytes(11, Value("x", symbol))))),
                "the name of a dimension is no UTF-8 text");
}

TEST(OnnxTest, NameThatIsTooLong) {
  const std::string name(kMaxOnnxNameBytes + 1, 'a');
  ExpectInvalid(ReadBytes(ModelWith(GraphWith(Bytes(11, Value(name, ""))))),
                "has 4097 bytes, at most 4096");
}

TEST(OnnxTest, NestedSubGraphsAreBounded) {
  std::string graph;
  for (size_t i = 0; i < kMaxOnnxDepth + 2; ++i) graph = Bytes(1, Bytes(5, Bytes(6, graph)));
  ExpectInvalid(ReadBytes(ModelWith(GraphWith(graph))), "nested more than 64 deep");
}

TEST(OnnxTest, ExternalDataMayNotLeaveTheFolder) {
  const auto with_location = [](const std::string& location) {
    const std::string tensor = Number(14, 1) + Bytes(13, Bytes(1, "location") + Bytes(2, location));
    return ModelWith(GraphWith(Bytes(5, tensor)));
  };
  ExpectInvalid(ReadBytes(with_location("../secret")), "leads out of its folder");
  ExpectInvalid(ReadBytes(with_location("/etc/passwd")), "is absolute");
  ExpectInvalid(ReadBytes(with_location("")), "is empty");
  const auto good = ReadBytes(with_location("./data/w.bin"));
  ASSERT_TRUE(good.has_value()) << good.error().ToString();
  EXPECT_THAT(good->external_files, ElementsAre("data/w.bin"));
}

TEST(OnnxTest, ExternalDataOfConstantsInSubGraphsIsFound) {
  const std::string tensor = Number(14, 1) + Bytes(13, Bytes(1, "location") + Bytes(2, "w"));
  const std::string node_with_tensor = Bytes(1, Bytes(5, Bytes(5, tensor)));
  const std::string node_with_graph = Bytes(1, Bytes(5, Bytes(6, node_with_tensor)));
  const auto model = ReadBytes(ModelWith(GraphWith(node_with_graph)));
  ASSERT_TRUE(model.has_value()) << model.error().ToString();
  EXPECT_THAT(model->external_files, ElementsAre("w"));
}

// A file of which only the beginning is real: what reads all of it would take long and much memory.
class HugeFile final : public File {
 public:
  explicit HugeFile(std::string head, std::string tail, uint64_t hole)
      : head_(std::move(head)), tail_(std::move(tail)), hole_(hole) {}
  Result<size_t> ReadAt(uint64_t offset, char* out, size_t size) override {
    read_ += size;
    for (size_t i = 0; i < size; ++i, ++offset) {
      if (offset >= head_.size() + hole_ + tail_.size()) return i;
      out[i] = offset < head_.size()           ? head_[offset]
               : offset < head_.size() + hole_ ? '\0'
                                               : tail_[offset - head_.size() - hole_];
    }
    return size;
  }
  Result<void> WriteAt(uint64_t, std::string_view) override { return {}; }
  Result<void> Sync() override { return {}; }
  Result<void> Truncate(uint64_t) override { return {}; }
  Result<void> SetMode(int) override { return {}; }
  Result<FileInfo> Info() override {
    return FileInfo{.size_bytes = head_.size() + hole_ + tail_.size()};
  }
  uint64_t bytes_read() const { return read_; }

 private:
  std::string head_;
  std::string tail_;
  uint64_t hole_;
  uint64_t read_ = 0;
};

TEST(OnnxTest, WeightsAreNotRead) {
  constexpr uint64_t kWeights = uint64_t{2'000'000'000};
  const std::string rest = GraphWith("");
  // An initializer with raw_data, inside of a graph, whose lengths count the hole.
  const std::string raw_head = Varint(9 << 3 | 2) + Varint(kWeights);
  const std::string tensor_head =
      Varint(5 << 3 | 2) + Varint(raw_head.size() + kWeights) + raw_head;
  const std::string head = Number(1, 8) + Bytes(8, Number(2, 17)) + Varint(7 << 3 | 2) +
                           Varint(tensor_head.size() + kWeights + rest.size()) + tensor_head;
  HugeFile file(head, rest, kWeights);
  const auto model = ReadOnnx(file);
  ASSERT_TRUE(model.has_value()) << model.error().ToString();
  EXPECT_EQ(model->outputs.size(), 1u);
  EXPECT_LT(file.bytes_read(), 1u << 20);
}

}  // namespace
}  // namespace slipway::model
