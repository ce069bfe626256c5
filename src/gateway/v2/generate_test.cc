#include "gateway/v2/generate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "gateway/testing/plane_fixture.h"

namespace slipway::gateway::v2 {
namespace {

using tensor::DataType;
using ::testing::HasSubstr;

std::string Mapped(std::string_view body, const tensor::Signature& signature) {
  const Result<std::string> request = GenerateRequest(body, {.name = "m", .signature = signature});
  return request.has_value() ? *request : request.error().message();
}

TEST(Generate, MapsMembersToInputsAndParameters) {
  tensor::Signature signature;
  signature.inputs.push_back({.name = "x", .type = DataType::kFp32, .shape = {-1, 4}});
  signature.inputs.push_back({.name = "text", .type = DataType::kBytes, .shape = {1}});
  signature.inputs.push_back({.name = "free", .type = DataType::kInt64, .shape = {-1, -1}});
  EXPECT_EQ(Mapped(R"({"id":"7","x":[1,2,3,4,5,6,7,8],"text":"hello","free":[[1,2,3]],
                       "top":5,"parameters":{"timeout":9}})",
                   signature),
            R"({"id":"7","parameters":{"top":5,"timeout":9},"inputs":[)"
            R"({"name":"x","shape":[2,4],"datatype":"FP32","data":[1,2,3,4,5,6,7,8]},)"
            R"({"name":"text","shape":[1],"datatype":"BYTES","data":["hello"]},)"
            R"({"name":"free","shape":[1,3],"datatype":"INT64","data":[[1,2,3]]}]})");
  EXPECT_THAT(Mapped(R"({"x":[1,2,3]})", signature), HasSubstr("'x' has 3 elements"));
  EXPECT_THAT(Mapped(R"({"text":["a","b"]})", signature), HasSubstr("'text' has 2 elements"));
  EXPECT_THAT(Mapped(R"({"x":{}})", signature), HasSubstr("Unable to parse 'x'"));
  EXPECT_THAT(Mapped(R"({"x":null})", signature), HasSubstr("Unable to parse 'x'"));
  EXPECT_THAT(Mapped(R"({"parameters":[]})", signature), HasSubstr("Unable to parse 'parameters'"));
  EXPECT_THAT(Mapped("[]", signature), HasSubstr("a JSON object is wanted"));
  EXPECT_THAT(Mapped("{", signature), HasSubstr("byte"));
}

TEST(Generate, AnswersInTheSameForm) {
  PlaneFixture plane;
  plane.Serve({PlaneFixture::Service("m", {plane.Fake(1)})});
  HttpCaller caller(plane.port());
  EXPECT_EQ(caller.Post("/v2/models/m/generate", R"({"id":"a","x":[1,2,3,4]})")->body,
            R"({"id":"a","model_name":"m","model_version":"1","y":[1.0,2.0,3.0,4.0]})");
  EXPECT_EQ(caller.Post("/v2/models/m/versions/1/generate_stream", R"({"x":[1,2,3,4]})")->body,
            "data: {\"model_name\":\"m\",\"model_version\":\"1\",\"y\":[1.0,2.0,3.0,4.0]}\n\n");
  for (const char* body : {"", "{", "[]", "{}", R"({"x":[1]})", R"({"x":["a","b","c","d"]})",
                           R"({"x":[1,2,3,4],"id":5})", R"({"x":[1,2,3,4],"p":{}})",
                           R"({"x":[1,2,3,4],"triton_x":1})"}) {
    EXPECT_EQ(caller.Post("/v2/models/m/generate", body)->status, 400) << body;
    EXPECT_EQ(caller.Post("/v2/models/m/generate_stream", body)->status, 400) << body;
  }
  EXPECT_EQ(caller.Post("/v2/models/nope/generate", "{}")->status, 404);
}

TEST(Generate, AModelThatAnswersOftenIsForStreams) {
  PlaneFixture plane;
  plane.Serve({PlaneFixture::Service("m", {plane.Fake(1, R"(,"responses":3)")})});
  HttpCaller caller(plane.port());
  const auto once = caller.Post("/v2/models/m/generate", R"({"x":[1,2,3,4]})");
  EXPECT_EQ(once->status, 501);
  EXPECT_THAT(once->body, HasSubstr("use generate stream"));
  const Json config = *ParseJson(caller.Get("/v2/models/m/config")->body);
  EXPECT_EQ(config["model_transaction_policy"]["decoupled"], true);
}

}  // namespace
}  // namespace slipway::gateway::v2
