#include "gateway/v2/request_parser.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tensor/float16.h"

namespace slipway::gateway::v2 {
namespace {

using tensor::DataType;
using tensor::Shape;
using tensor::Signature;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Signature OneInput(DataType type, const Shape& shape) {
  Signature signature;
  signature.inputs.push_back({.name = "x", .type = type, .shape = shape});
  signature.outputs.push_back({.name = "y", .type = type, .shape = shape});
  return signature;
}

Signature TwoInputs() {
  Signature signature = OneInput(DataType::kFp32, {-1, 2});
  signature.inputs.push_back({.name = "z", .type = DataType::kInt64, .shape = {-1}});
  signature.outputs.push_back({.name = "w", .type = DataType::kInt64, .shape = {-1}});
  return signature;
}

class RequestParserTest : public ::testing::Test {
 protected:
  Result<void> Parse(std::string body, const Signature& signature) {
    body.reserve(body.size() + kBodyPadding);
    return parser_.Parse(body, "", {.name = "m", .signature = signature}, request_);
  }
  // The request with one input x of this type, shape and data.
  static std::string Body(std::string_view type, std::string_view shape, std::string_view data) {
    return R"({"inputs":[{"name":"x","shape":)" + std::string(shape) + R"(,"datatype":")" +
           std::string(type) + R"(","data":)" + std::string(data) + "}]}";
  }
  std::string Failure(const std::string& body, const Signature& signature) {
    const Result<void> parsed = Parse(body, signature);
    EXPECT_TRUE(parsed.has_error()) << body;
    if (!parsed.has_error()) return "";
    EXPECT_TRUE(parsed.error().code() == Code::kInvalidArgument ||
                parsed.error().code() == Code::kUnimplemented)
        << parsed.error().ToString();
    return parsed.error().message();
  }
  template <class T>
  std::vector<T> Elements(size_t input = 0) {
    const auto view = request_.inputs[input].as<T>();
    return {view.begin(), view.end()};
  }

  RequestParser parser_;
  InferRequest request_;
};

TEST_F(RequestParserTest, FlatAndNestedDataAreTheSame) {
  const Signature signature = OneInput(DataType::kFp32, {-1, 2});
  for (const char* data :
       {"[1,2.5,3e0,-4]", "[[1,2.5],[3,-4]]", " [ [ 1 , 2.5 ] , [3,-4.0] ] ", "[1,[2.5,[3]],-4]"}) {
    ASSERT_TRUE(Parse(Body("FP32", "[2,2]", data), signature).has_value()) << data;
    EXPECT_THAT(Elements<float>(), ElementsAre(1, 2.5, 3, -4)) << data;
    EXPECT_EQ(request_.inputs[0].shape(), (Shape{2, 2}));
  }
}

TEST_F(RequestParserTest, MembersComeInAnyOrder) {
  const Signature signature = TwoInputs();
  ASSERT_TRUE(Parse(R"({"outputs":[{"name":"w"}],"parameters":{"a":1.5,"b":"c","d":true},
      "inputs":[{"data":[7],"datatype":"INT64","parameters":{"content_type":"np"},"name":"z",
                 "shape":[1]},
                {"data":[[1,2]],"shape":[1,2],"unknown":[{"a":[null,"b"]}],"name":"x",
                 "datatype":"FP32"}],
      "id":"\u0061b","other":{"x":[1,2,{"y":"z"}]}})",
                    signature)
                  .has_value());
  EXPECT_EQ(request_.id, "ab");
  EXPECT_THAT(Elements<float>(0), ElementsAre(1, 2));
  EXPECT_THAT(Elements<int64_t>(1), ElementsAre(7));
  EXPECT_THAT(request_.wanted, ElementsAre(1));
}

TEST_F(RequestParserTest, WithoutOutputsAllAreWanted) {
  const Signature signature = TwoInputs();
  const std::string body =
      R"({"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2]},
                    {"name":"z","shape":[0],"datatype":"INT64","data":[]}],"outputs":[]})";
  ASSERT_TRUE(Parse(body, signature).has_value());
  EXPECT_THAT(request_.wanted, ElementsAre(0, 1));
  EXPECT_EQ(request_.inputs[1].element_count(), 0u);
  EXPECT_EQ(request_.id, std::nullopt);
}

TEST_F(RequestParserTest, IntegersAreExact) {
  ASSERT_TRUE(
      Parse(Body("INT64", "[3]", "[9007199254740993,-9223372036854775808,9223372036854775807]"),
            OneInput(DataType::kInt64, {3}))
          .has_value());
  EXPECT_THAT(Elements<int64_t>(), ElementsAre(9007199254740993, INT64_MIN, INT64_MAX));
  ASSERT_TRUE(
      Parse(Body("UINT64", "[1]", "[18446744073709551615]"), OneInput(DataType::kUint64, {1}))
          .has_value());
  EXPECT_THAT(Elements<uint64_t>(), ElementsAre(UINT64_MAX));
}

TEST_F(RequestParserTest, IntegersOutOfRangeAreRefused) {
  struct Case {
    DataType type;
    const char* data;
  };
  for (const Case& c :
       {Case{DataType::kInt8, "[128]"}, Case{DataType::kInt8, "[-129]"},
        Case{DataType::kUint8, "[256]"}, Case{DataType::kUint8, "[-1]"},
        Case{DataType::kInt16, "[40000]"}, Case{DataType::kUint16, "[65536]"},
        Case{DataType::kInt32, "[2147483648]"}, Case{DataType::kUint32, "[4294967296]"},
        Case{DataType::kInt64, "[9223372036854775808]"},
        Case{DataType::kUint64, "[18446744073709551616]"}, Case{DataType::kUint64, "[-1]"}}) {
    const std::string name(DataTypeName(c.type));
    EXPECT_THAT(Failure(Body(name, "[1]", c.data), OneInput(c.type, {1})),
                HasSubstr("is out of the range"))
        << name << c.data;
  }
  for (const char* data : {"[1.0]", "[1e2]", "[\"1\"]", "[true]", "[null]", "[NaN]", "[{}]"}) {
    EXPECT_THAT(Failure(Body("INT32", "[1]", data), OneInput(DataType::kInt32, {1})),
                HasSubstr("Unable to parse 'data': attempt to access JSON non-signed-integer"))
        << data;
  }
}

TEST_F(RequestParserTest, FloatsTakeWhatIsNotFinite) {
  ASSERT_TRUE(Parse(Body("FP32", "[6]", "[NaN,Infinity, -Infinity ,null,1e39,-1e39]"),
                    OneInput(DataType::kFp32, {6}))
                  .has_value());
  const auto floats = Elements<float>();
  EXPECT_TRUE(std::isnan(floats[0]));
  EXPECT_EQ(floats[1], INFINITY);
  EXPECT_EQ(floats[2], -INFINITY);
  EXPECT_TRUE(std::isnan(floats[3]));
  EXPECT_EQ(floats[4], INFINITY);
  EXPECT_EQ(floats[5], -INFINITY);
  for (const char* data : {"[Nan]", "[nan]", "[inf]", "[+1]", "[.5]", "[1.]", "[01]", "[1e400]",
                           "[\"1\"]", "[true]", "[NaNa]", "[nul]", "[{}]", "[--1]", "[-]"}) {
    EXPECT_THAT(Failure(Body("FP32", "[1]", data), OneInput(DataType::kFp32, {1})),
                HasSubstr("element 0 of input 'x' of type FP32 (byte "))
        << data;
  }
}

TEST_F(RequestParserTest, HalvesAreRounded) {
  ASSERT_TRUE(
      Parse(Body("FP16", "[3]", "[1,0.1,70000]"), OneInput(DataType::kFp16, {3})).has_value());
  EXPECT_THAT(Elements<uint16_t>(), ElementsAre(0x3c00, 0x2e66, 0x7c00));
  ASSERT_TRUE(Parse(Body("BF16", "[2]", "[1,-0.1]"), OneInput(DataType::kBf16, {2})).has_value());
  EXPECT_THAT(Elements<uint16_t>(), ElementsAre(0x3f80, 0xbdcd));
}

TEST_F(RequestParserTest, BooleansAreWordsOrBits) {
  ASSERT_TRUE(
      Parse(Body("BOOL", "[2,2]", "[[true,false],[1,0]]"), OneInput(DataType::kBool, {2, 2}))
          .has_value());
  EXPECT_THAT(Elements<uint8_t>(), ElementsAre(1, 0, 1, 0));
  EXPECT_THAT(Failure(Body("BOOL", "[1]", "[2]"), OneInput(DataType::kBool, {1})),
              HasSubstr("non-boolean"));
}

TEST_F(RequestParserTest, StringsAreUnescapedAndChecked) {
  ASSERT_TRUE(Parse(Body("BYTES", "[3]", R"(["","\u00e4\n\u0000b","日本"])"),
                    OneInput(DataType::kBytes, {3}))
                  .has_value());
  EXPECT_THAT(request_.inputs[0].strings(),
              ElementsAre("", std::string_view("\xc3\xa4\n\0b", 5), "日本"));
  EXPECT_THAT(Failure(Body("BYTES", "[1]", R"(["\ud800"])"), OneInput(DataType::kBytes, {1})),
              HasSubstr("escape"));
  EXPECT_THAT(Failure(Body("BYTES", "[1]", "[\"\xff\"]"), OneInput(DataType::kBytes, {1})),
              HasSubstr("failed to parse the request JSON buffer"));
  EXPECT_THAT(Failure(Body("BYTES", "[1]", "[1]"), OneInput(DataType::kBytes, {1})),
              HasSubstr("non-string as string"));
}

TEST_F(RequestParserTest, CountsMustAgreeWithTheShape) {
  const Signature signature = OneInput(DataType::kFp32, {-1, 2});
  for (const char* data : {"[1,2,3]", "[]", "[[1,2],[3,4],[5,6]]", "[[],[]]"}) {
    EXPECT_THAT(
        Failure(Body("FP32", "[2,2]", data), signature),
        HasSubstr("Unable to parse 'data': Shape does not match true shape of 'data' field"))
        << data;
  }
  EXPECT_THAT(Failure(Body("FP32", "[0,2]", "[1]"), signature), HasSubstr("Shape does not match"));
  EXPECT_THAT(Failure(Body("FP32", "[1000000000,2]", "[1]"), signature),
              HasSubstr("Shape does not match"));
}

TEST_F(RequestParserTest, ShapesAreChecked) {
  const Signature signature = OneInput(DataType::kFp32, {-1, 4});
  EXPECT_THAT(
      Failure(Body("FP32", "[1,5]", "[1,2,3,4,5]"), signature),
      HasSubstr("unexpected shape for input 'x' for model 'm'. Expected [-1,4], got [1,5]"));
  EXPECT_THAT(Failure(Body("FP32", "[4]", "[1,2,3,4]"), signature), HasSubstr("unexpected shape"));
  EXPECT_THAT(Failure(Body("FP32", "[-1,4]", "[1,2,3,4]"), signature), HasSubstr("dimension -1"));
  EXPECT_THAT(Failure(Body("FP32", "[4611686018427387904,4]", "[]"), signature),
              HasSubstr("has more than"));
  for (const char* shape : {"[1.0,4]", "[\"1\",4]", "{}", "4", "[99999999999999999999,4]"}) {
    EXPECT_THAT(Failure(Body("FP32", shape, "[1,2,3,4]"), signature),
                HasSubstr("Unable to parse 'shape'"))
        << shape;
  }
  std::string dims = "[1";
  for (int i = 0; i < 40; ++i) dims += ",1";
  EXPECT_THAT(Failure(Body("FP32", dims + "]", "[1]"), signature), HasSubstr("dimensions"));
}

TEST_F(RequestParserTest, TypesMustBeTheModels) {
  const Signature signature = OneInput(DataType::kFp32, {1});
  EXPECT_EQ(Failure(Body("INT32", "[1]", "[1]"), signature),
            "inference input 'x' data-type is 'INT32', but model 'm' expects 'FP32'");
  EXPECT_THAT(Failure(Body("FLOAT", "[1]", "[1]"), signature), HasSubstr("no data type"));
}

TEST_F(RequestParserTest, NamesAreChecked) {
  const Signature signature = TwoInputs();
  const std::string x = R"({"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2]})";
  const std::string z = R"({"name":"z","shape":[1],"datatype":"INT64","data":[1]})";
  EXPECT_EQ(Failure("{\"inputs\":[" + x + "]}", signature),
            "expected 2 inputs but got 1 inputs for model 'm'. Got input(s) ['x'], but missing "
            "required input(s) ['z']. Please provide all required input(s).");
  EXPECT_THAT(Failure("{\"inputs\":[" + x + "," + x + "," + z + "]}", signature),
              HasSubstr("input 'x' already exists in request"));
  EXPECT_THAT(
      Failure(R"({"inputs":[{"name":"q","shape":[1],"datatype":"FP32","data":[1]}]})", signature),
      HasSubstr("unexpected inference input 'q' for model 'm'"));
  const std::string both = "\"inputs\":[" + x + "," + z + "]";
  EXPECT_THAT(Failure("{" + both + R"(,"outputs":[{"name":"q"}]})", signature),
              HasSubstr("unexpected inference output 'q' for model 'm'"));
  EXPECT_THAT(Failure("{" + both + R"(,"outputs":[{"name":"y"},{"name":"y"}]})", signature),
              HasSubstr("more than once"));
  EXPECT_THAT(Failure("{" + both + R"(,"outputs":[{}]})", signature),
              HasSubstr("Unable to parse 'name'"));
  EXPECT_THAT(Failure("{" + both + R"(,"outputs":["y"]})", signature),
              HasSubstr("non-object as object"));
}

TEST_F(RequestParserTest, MissingAndRepeatedMembers) {
  const Signature signature = OneInput(DataType::kFp32, {1});
  EXPECT_EQ(Failure("{}", signature),
            "Unable to parse 'inputs': attempt to access non-existing object member 'inputs'");
  for (const char* member : {"name", "shape", "datatype", "data"}) {
    std::string input;
    for (const auto& [key, value] : {std::pair("name", "\"x\""), std::pair("shape", "[1]"),
                                     std::pair("datatype", "\"FP32\""), std::pair("data", "[1]")}) {
      if (std::string_view(key) == member) continue;
      input += (input.empty() ? "\"" : ",\"") + std::string(key) + "\":" + value;
    }
    EXPECT_THAT(Failure("{\"inputs\":[{" + input + "}]}", signature),
                HasSubstr("Unable to parse '" + std::string(member) + "'"));
  }
  EXPECT_THAT(Failure(R"({"id":"a","id":"b","inputs":[]})", signature),
              HasSubstr("more than once"));
  EXPECT_THAT(Failure(R"({"inputs":[],"inputs":[]})", signature), HasSubstr("more than once"));
  EXPECT_THAT(
      Failure(R"({"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1],"data":[2]}]})",
              signature),
      HasSubstr("more than once"));
}

TEST_F(RequestParserTest, WrongKindsOfMembers) {
  const Signature signature = OneInput(DataType::kFp32, {1});
  EXPECT_EQ(Failure(R"({"id":1,"inputs":[]})", signature),
            "Unable to parse 'id': attempt to access JSON non-string as string");
  EXPECT_THAT(Failure(R"({"inputs":{}})", signature), HasSubstr("Unable to parse 'inputs'"));
  EXPECT_THAT(Failure(R"({"inputs":[1]})", signature), HasSubstr("non-object as object"));
  EXPECT_THAT(Failure(Body("FP32", "[1]", "1"), signature), HasSubstr("non-array as array"));
  EXPECT_THAT(Failure(R"({"parameters":{"p":{}},"inputs":[]})", signature),
              HasSubstr("parameter 'p' must be"));
  EXPECT_THAT(Failure(R"({"parameters":{"triton_x":1},"inputs":[]})", signature),
              HasSubstr("reserved"));
  EXPECT_THAT(Failure(R"({"parameters":{"timeout":-1},"inputs":[]})", signature),
              HasSubstr("Unable to parse 'timeout'"));
}

TEST_F(RequestParserTest, TimeoutsAreMicroseconds) {
  const Signature signature = OneInput(DataType::kFp32, {1});
  const std::string inputs = R"("inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1]}]})";
  ASSERT_TRUE(Parse(R"({"parameters":{"timeout":1500},)" + inputs, signature).has_value());
  EXPECT_EQ(request_.timeout, std::chrono::microseconds(1500));
  ASSERT_TRUE(Parse(R"({"parameters":{"timeout":0},)" + inputs, signature).has_value());
  EXPECT_EQ(request_.timeout, std::nullopt);
}

TEST_F(RequestParserTest, ThePriorityIsRead) {
  const Signature signature = OneInput(DataType::kFp32, {1});
  const std::string inputs = R"("inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1]}]})";
  ASSERT_TRUE(Parse(R"({"parameters":{"priority":3},)" + inputs, signature).has_value());
  EXPECT_EQ(request_.priority, 3u);
  ASSERT_TRUE(Parse("{" + inputs, signature).has_value());
  EXPECT_EQ(request_.priority, 0u);
  EXPECT_THAT(Failure(R"({"parameters":{"priority":"high"},)" + inputs, signature),
              HasSubstr("Unable to parse 'priority'"));
}

TEST_F(RequestParserTest, TensorsMayLieInSharedMemory) {
  const Signature signature = OneInput(DataType::kFp32, {2});
  const auto body = [](const std::string& input, const std::string& output) {
    return R"({"inputs":[{"name":"x","shape":[2],"datatype":"FP32")" + input +
           R"(}],"outputs":[{"name":"y","parameters":{)" + output + "}}]}";
  };
  const std::string place = R"("shared_memory_region":"r","shared_memory_byte_size":8)";
  const std::string parameters = R"(,"parameters":{"shared_memory_offset":4,)" + place + "}";
  ASSERT_TRUE(Parse(body(parameters, place), signature).has_value());
  ASSERT_EQ(request_.shared_inputs.size(), 1u);
  EXPECT_EQ(request_.shared_inputs[0].place.region, "r");
  EXPECT_EQ(request_.shared_inputs[0].place.offset, 4u);
  EXPECT_EQ(request_.shared_inputs[0].place.byte_size, 8u);
  ASSERT_EQ(request_.shared_outputs.size(), 1u);
  EXPECT_EQ(request_.shared_outputs[0].number, 0u);
  EXPECT_EQ(request_.shared_outputs[0].place.offset, 0u);
  const auto reason = [&](const std::string& input, const std::string& output) {
    const Result<void> parsed = Parse(body(input, output), signature);
    return parsed.has_value() ? "" : std::string(parsed.error().reason());
  };
  EXPECT_EQ(reason(parameters + R"(,"data":[1,2])", ""), "REQUEST_INVALID");
  EXPECT_EQ(reason(R"(,"parameters":{"binary_data_size":8,)" + place + "}", ""), "REQUEST_INVALID");
  EXPECT_EQ(reason(R"(,"parameters":{"shared_memory_region":"r"})", ""), "SHARED_PARAMETERS");
  EXPECT_EQ(reason(R"(,"parameters":{"shared_memory_byte_size":8})", ""), "SHARED_PARAMETERS");
  EXPECT_EQ(reason(R"(,"parameters":{"shared_memory_region":1})", ""), "REQUEST_INVALID");
  EXPECT_EQ(reason(R"(,"parameters":{"shared_memory_offset":-1})", ""), "REQUEST_INVALID");
  EXPECT_EQ(reason(parameters, R"("classification":1,)" + place), "SHARED_PARAMETERS");
  EXPECT_EQ(reason(parameters, R"("shared_memory_byte_size":1)"), "SHARED_PARAMETERS");
}

TEST_F(RequestParserTest, RefusesWhatIsNoJson) {
  const Signature signature = OneInput(DataType::kFp32, {2});
  const std::string good = Body("FP32", "[2]", "[1,2]");
  ASSERT_TRUE(Parse(good, signature).has_value());
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_TRUE(Parse(good.substr(0, size), signature).has_error()) << good.substr(0, size);
  }
  for (const std::string& body :
       {good + "x", good + "{}", good + "]", "[" + good + "]", std::string("null"),
        std::string("\"a\""), std::string("{inputs:[]}"),
        std::string("{\"a\":tru,") + good.substr(1), std::string("{\"a\":[1 2],") + good.substr(1),
        std::string("{\"a\" 1,") + good.substr(1), std::string("{,") + good.substr(1),
        std::string("{\"a\":01,") + good.substr(1),
        std::string("{\"a\":\"\x01\",") + good.substr(1), Body("FP32", "[2]", "[1 2]"),
        Body("FP32", "[2]", "[1,,2]"), Body("FP32", "[2]", "[1,2,]")}) {
    EXPECT_THAT(Failure(body, signature), HasSubstr("failed to parse the request JSON buffer"))
        << body;
  }
}

TEST_F(RequestParserTest, NestingIsLimited) {
  const Signature signature = OneInput(DataType::kFp32, {1});
  const auto nested = [](size_t depth) {
    return std::string(depth, '[') + "1" + std::string(depth, ']');
  };
  ASSERT_TRUE(Parse(Body("FP32", "[1]", nested(97)), signature).has_value());
  EXPECT_THAT(Failure(Body("FP32", "[1]", nested(98)), signature), HasSubstr("nesting depth"));
  EXPECT_THAT(Failure(Body("FP32", "[1]", nested(5'000'000)), signature),
              HasSubstr("nesting depth"));
  EXPECT_THAT(Failure("{\"a\":" + nested(5'000'000) + ",\"inputs\":[]}", signature),
              HasSubstr("nesting depth"));
  EXPECT_THAT(Failure(std::string(5'000'000, '['), signature), HasSubstr("failed to parse"));
  std::string objects;
  for (int i = 0; i < 1000; ++i) objects += "{\"a\":";
  EXPECT_TRUE(Parse("{\"q\":" + objects + "1" + std::string(1001, '}'), signature).has_error());
}

TEST_F(RequestParserTest, RandomBytesNeverPass) {
  const Signature signature = TwoInputs();
  const std::string good =
      R"({"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2]},)"
      R"({"data":[7],"name":"z","shape":[1],"datatype":"INT64"}]})";
  uint64_t state = 42;
  for (int i = 0; i < 20'000; ++i) {
    std::string body = good;
    for (int n = 0; n < 3; ++n) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      body[(state >> 33) % body.size()] = static_cast<char>(state >> 57);
    }
    // No crash, and no answer but "fine" or a refusal; the sanitizers watch.
    const Result<void> parsed = Parse(body, signature);
    if (parsed.has_error()) EXPECT_FALSE(parsed.error().message().empty());
  }
}

TEST_F(RequestParserTest, FaultsOfTheJsonAreWhereTheyAre) {
  const Signature signature = OneInput(DataType::kFp32, {1, 4});
  const std::string good = Body("FP32", "[1,4]", "[1,2,3,4]");
  const std::string spaces = Body("FP32", "[1,4]", "[1 2 3 4]");
  struct Case {
    std::string body;
    const char* what;
    size_t byte;
  };
  const std::vector<Case> cases = {
      {good.substr(0, good.size() - 1), "the text ends too early", good.size()},
      {good.substr(0, good.size() - 5), "the text ends too early", good.size() - 4},
      {good + "x", "must not be followed by other values", good.size() + 1},
      {good + std::string(1, '\0'), "must not be followed by other values", good.size() + 1},
      {"{\"id\":\"a\nb\",\"inputs\":[]}", "control character", 9},
      {"{\"id\":\"\xff\xfe\",\"inputs\":[]}", "no well-formed UTF-8", 8},
      {spaces, "',' or ']' is missing", spaces.find("2 3") + 1},
      {good.substr(0, good.size() - 1) + ",}", "the name of a member is missing", good.size() + 1},
      {R"({"a":"\q","inputs":[]})", "an escape that is none", 8},
      {R"({"inputs":[],"a":01})", "',' or '}' is missing", 19},
      {R"({"inputs":[],"a":tru})", "not a value of JSON", 21},
      {R"({"inputs":[],"a":1.})", "a digit is missing", 20},
      {R"({"inputs" []})", "':' is missing", 11},
      {"", "The document is empty.", 1},
      {"[]", "the request must be a JSON object", 1},
  };
  for (const Case& c : cases) {
    const std::string failure = Failure(c.body, signature);
    EXPECT_THAT(failure, HasSubstr(c.what)) << c.body;
    EXPECT_TRUE(failure.ends_with(" at byte " + std::to_string(c.byte)))
        << c.body << ": " << failure << ", not " << c.byte;
  }
}

TEST_F(RequestParserTest, IntegersThatJsonHasNot) {
  ASSERT_TRUE(
      Parse(Body("UINT8", "[2]", "[-0, -0 ]"), OneInput(DataType::kUint8, {2})).has_value());
  EXPECT_THAT(Elements<uint8_t>(), ElementsAre(0, 0));
  for (const char* data : {"[00]", "[-01]"}) {
    EXPECT_THAT(Failure(Body("INT8", "[1]", data), OneInput(DataType::kInt8, {1})),
                HasSubstr("not a number that JSON allows"))
        << data;
  }
  const std::string many(100'000, '9');
  EXPECT_LT(Failure(Body("INT8", "[1]", "[" + many + "]"), OneInput(DataType::kInt8, {1})).size(),
            300u);
}

}  // namespace
}  // namespace slipway::gateway::v2
