#include "gateway/model_config/config_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "gateway/model_config/schema.h"

namespace slipway::gateway::model_config {
namespace {

using ::testing::HasSubstr;

std::string Read(std::string_view text) {
  const Result<Json> config = ReadConfigJson(ParseJson(text).value());
  return config.has_value() ? DumpJson(*config) : config.error().message();
}

TEST(ConfigJson, TakesWhatProtobufsJsonAllows) {
  EXPECT_EQ(Read(R"({"maxBatchSize":"8","name":null,"input":[{"name":"x","dataType":11,)"
                 R"("dims":["-1",4.0,3]}],"version_policy":{"all":{}}})"),
            R"({"max_batch_size":8,"input":[{"name":"x","data_type":"TYPE_FP32",)"
            R"("dims":[-1,4,3]}],"version_policy":{"all":{}}})");
  EXPECT_EQ(Read(R"({"parameters":{"a":{"string_value":"b"}},"metric_tags":{"x":"y"}})"),
            R"({"parameters":{"a":{"string_value":"b"}},"metric_tags":{"x":"y"}})");
}

TEST(ConfigJson, NamesTheMemberThatIsWrong) {
  EXPECT_EQ(Read("[]"), "the configuration: an object is wanted");
  EXPECT_EQ(Read(R"({"input":[{"dims":[1,"x"]}]})"),
            "input[0].dims[1]: a whole number of 64 bits is wanted");
  EXPECT_EQ(Read(R"({"max_batch_size":4294967296})"),
            "max_batch_size: a whole number of 32 bits is wanted");
  EXPECT_EQ(Read(R"({"max_batch_size":1e300})"),
            "max_batch_size: a whole number of 32 bits is wanted");
  EXPECT_EQ(Read(R"({"nope":1})"), "nope: ModelConfig has no such field");
  EXPECT_EQ(Read(R"({"name":1})"), "name: a string is wanted");
  EXPECT_EQ(Read(R"({"input":{}})"), "input: a list is wanted");
  EXPECT_EQ(Read(R"({"parameters":[]})"), "parameters: an object is wanted");
  EXPECT_EQ(Read(R"({"model_transaction_policy":{"decoupled":1}})"),
            "model_transaction_policy.decoupled: true or false is wanted");
  EXPECT_THAT(Read(R"({"input":[{"data_type":"FP32"}]})"),
              HasSubstr("input[0].data_type: one of TYPE_INVALID, "));
  EXPECT_EQ(Read(R"({"maxBatchSize":1,"max_batch_size":2})"),
            "max_batch_size: it is there more than once");
  EXPECT_EQ(Read(R"({"version_policy":{"all":{},"latest":{}}})"),
            "version_policy.latest: it and 'all' exclude each other");
}

TEST(ConfigJson, ShowsDefaultsInTheOrderOfTheTable) {
  const Json shown = WithDefaults(ParseJson(R"({"max_batch_size":2,"name":"m",
      "version_policy":{"latest":{}},"input":[{"name":"x","dims":[4]}]})")
                                      .value());
  const std::string text = DumpJson(shown);
  EXPECT_THAT(text,
              HasSubstr(R"({"name":"m","platform":"","backend":"","runtime":"",)"
                        R"("version_policy":{"latest":{"num_versions":0}},)"
                        R"("max_batch_size":2,"input":[{"name":"x",)"
                        R"("data_type":"TYPE_INVALID","format":"FORMAT_NONE","dims":[4],)"
                        R"("is_shape_tensor":false,"allow_ragged_batch":false,)"
                        R"("optional":false,"is_non_linear_format_io":false}],"output":[],)"));
  // What was not chosen, and messages that are not there, stay away.
  EXPECT_FALSE(shown.contains("dynamic_batching"));
  EXPECT_FALSE(shown.contains("optimization"));
}

// The bytes as another reader of protobuf would take them apart: field numbers and values.
TEST(ConfigJson, WritesTheWire) {
  std::string out;
  WriteConfigWire(ParseJson(R"({"name":"m","max_batch_size":-1,
      "version_policy":{"latest":{"num_versions":0}},
      "input":[{"data_type":"TYPE_FP32","dims":[1,-1]}],
      "metric_tags":{"k":"v"},
      "sequence_batching":{"direct":{"minimum_slot_utilization":0.5}}})")
                      .value(),
                  out);
  const std::string_view minus_one("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10);
  // In the order of the table. The choice is told although the message is empty.
  std::string wanted("\x0a\x01m\x1a\x02\x0a\x00", 7);
  wanted += std::string("\x20").append(minus_one);
  wanted += std::string("\x2a\x0f\x10\x0b\x22\x0b\x01", 7).append(minus_one);
  wanted += std::string("\x6a\x07\x1a\x05\x15\x00\x00\x00\x3f", 9);
  wanted += std::string("\x52\x06\x0a\x01k\x12\x01v", 8);
  EXPECT_EQ(out, wanted);
}

TEST(ConfigSchema, KnowsTheFields) {
  const Message& schema = ModelConfigSchema();
  EXPECT_EQ(schema.name, "ModelConfig");
  EXPECT_EQ(schema.Of("max_batch_size").number, 4u);
  EXPECT_EQ(schema.Of("maxBatchSize").number, 4u);
  EXPECT_TRUE(schema.Of("parameters").is_map);
  EXPECT_TRUE(schema.Of("input").is_repeated);
  EXPECT_EQ(schema.Of("dynamic_batching").oneof, schema.Of("ensemble_scheduling").oneof);
  EXPECT_EQ(schema.Find("max_batchSize"), nullptr);
  EXPECT_EQ(schema.Find(""), nullptr);
}

}  // namespace
}  // namespace slipway::gateway::model_config
