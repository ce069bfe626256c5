#include "gateway/model_config/config_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "gateway/limits.h"

namespace slipway::gateway::model_config {
namespace {

using ::testing::HasSubstr;

std::string Read(std::string_view text) {
  const Result<Json> config = ReadConfigText(text);
  return config.has_value() ? DumpJson(*config) : config.error().ToString();
}

std::string FaultOf(std::string_view text) {
  const Result<Json> config = ReadConfigText(text);
  if (config.has_value()) return "no error: " + DumpJson(*config);
  EXPECT_EQ(config.error().code(), Code::kInvalidArgument);
  EXPECT_EQ(config.error().reason(), "CONFIG_TEXT");
  return config.error().message();
}

TEST(ConfigText, ReadsWhatTritonsExamplesHave) {
  EXPECT_EQ(Read(R"pb(
              # A model of the examples.
              name: "simple"
              platform: "onnxruntime_onnx"
              max_batch_size: 8 input
              [ {
                name: "INPUT0"
                data_type: TYPE_INT32
                dims: [ 16 ]
              }
                , {
                  name: 'INPUT1'
                  data_type: TYPE_INT32
                  dims: [ 16, -1 ]
                  reshape { shape: [] }
                }]
              output { name: "OUTPUT0", data_type: TYPE_FP32
              ; dims: 16 dims: 0x10 }
instance_group [ { count: 2 kind: KIND_CPU } ]
version_policy: { specific { versions: [1, 3] } }
parameters: { key: "intra_op_thread_count" value: { string_value: "2" } }
parameters < key: "b" value < string_value: "x" "y" > >
dynamic_batching { }
)pb"),
            R"({"name":"simple","platform":"onnxruntime_onnx","max_batch_size":8,"input":[)"
            R"({"name":"INPUT0","data_type":"TYPE_INT32","dims":[16]},)"
            R"({"name":"INPUT1","data_type":"TYPE_INT32","dims":[16,-1],"reshape":{}}],)"
            R"("output":[{"name":"OUTPUT0","data_type":"TYPE_FP32","dims":[16,16]}],)"
            R"("instance_group":[{"count":2,"kind":"KIND_CPU"}],)"
            R"("version_policy":{"specific":{"versions":[1,3]}},)"
            R"("parameters":{"intra_op_thread_count":{"string_value":"2"},)"
            R"("b":{"string_value":"xy"}},"dynamic_batching":{}})");
  EXPECT_EQ(Read(""), "{}");
  EXPECT_EQ(Read(" # only a comment"), "{}");
}

TEST(ConfigText, ReadsScalarsOfAllKinds) {
  EXPECT_EQ(Read("max_batch_size: - 2147483648"), R"({"max_batch_size":-2147483648})");
  EXPECT_EQ(Read("max_batch_size: 017"), R"({"max_batch_size":15})");
  EXPECT_EQ(Read("input { optional: True data_type: 11 }"),
            R"({"input":[{"optional":true,"data_type":"TYPE_FP32"}]})");
  EXPECT_EQ(Read("dynamic_batching { priority_levels: 18446744073709551615 }"),
            R"({"dynamic_batching":{"priority_levels":18446744073709551615}})");
  EXPECT_EQ(Read("dynamic_batching { priority_queue_policy { key: 0x1 value { } } }"),
            R"({"dynamic_batching":{"priority_queue_policy":{"1":{}}}})");
  EXPECT_EQ(Read("sequence_batching { direct { minimum_slot_utilization: 1.5e-1f } }"),
            R"({"sequence_batching":{"direct":{"minimum_slot_utilization":0.15}}})");
  EXPECT_EQ(Read(R"(name: "a\"\n\x41\101\u00e9")"), R"({"name":"a\"\nAAé"})");
}

TEST(ConfigText, SaysWhereAndWhatIsWrong) {
  EXPECT_EQ(
      FaultOf("name: \"a\"\nmax_batch_siz: 8"),
      "line 2, column 1: ModelConfig has no field 'max_batch_siz'; is 'max_batch_size' meant?");
  EXPECT_THAT(FaultOf("name: simple"), HasSubstr("'name' is a string in quotes, and there is"));
  EXPECT_THAT(FaultOf("name \"a\""), HasSubstr("a ':' is missing behind 'name'"));
  EXPECT_THAT(FaultOf("name: [\"a\"]"), HasSubstr("has one value, not a list"));
  EXPECT_THAT(FaultOf("name: \"a\" name: \"b\""), HasSubstr("more than once"));
  EXPECT_THAT(FaultOf("name: \"a"), HasSubstr("line 1, column 7: the string does not end"));
  EXPECT_THAT(FaultOf("name: \"\xff\""), HasSubstr("not UTF-8"));
  EXPECT_THAT(FaultOf(R"(name: "\q")"), HasSubstr("an escape"));
  EXPECT_THAT(FaultOf(R"(name: "\ud800")"), HasSubstr("not UTF-8"));
  EXPECT_THAT(FaultOf("max_batch_size: 2147483648"), HasSubstr("a whole number of 32 bits"));
  EXPECT_THAT(FaultOf("max_batch_size: 1.5"), HasSubstr("and there is '1.5'"));
  EXPECT_THAT(FaultOf("max_batch_size: \"1\""), HasSubstr("a whole number"));
  EXPECT_THAT(FaultOf("dynamic_batching { priority_levels: -1 }"), HasSubstr("not negative"));
  EXPECT_THAT(FaultOf("input { data_type: FP32 }"), HasSubstr("is one of TYPE_INVALID, TYPE_BOOL"));
  EXPECT_THAT(FaultOf("input { "), HasSubstr("there is the end of the text"));
  EXPECT_THAT(FaultOf("input [ { } { } ]"), HasSubstr("a ',' or ']' is missing"));
  EXPECT_THAT(FaultOf("input: 3"), HasSubstr("a '{' is missing behind 'input'"));
  EXPECT_THAT(FaultOf("}"), HasSubstr("the name of a field is wanted"));
  EXPECT_THAT(FaultOf("[a.b]: 1"), HasSubstr("the name of a field is wanted"));
  EXPECT_THAT(FaultOf("dynamic_batching { } sequence_batching { }"),
              HasSubstr("'sequence_batching' and 'dynamic_batching' exclude each other"));
}

TEST(ConfigText, IsBounded) {
  EXPECT_THAT(FaultOf(std::string(kMaxConfigBytes + 1, ' ')), HasSubstr("at most 1048576"));
  std::string many = "input { dims: [ 1";
  for (size_t i = 0; i < kMaxConfigItems; ++i) many += ",1";
  EXPECT_THAT(FaultOf(many + "] }"), HasSubstr("more than 4096 entries"));
}

}  // namespace
}  // namespace slipway::gateway::model_config
