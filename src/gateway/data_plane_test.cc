#include "gateway/data_plane.h"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/random.h"
#include "gateway/limits.h"
#include "gateway/testing/plane_fixture.h"
#include "net/content_coding.h"
#include "trust/access.h"

namespace slipway::gateway {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kInfer = "/v2/models/m/infer";
constexpr std::string_view kAnswer =
    R"({"model_name":"m","model_version":"1","outputs":[)"
    R"({"name":"y","datatype":"FP32","shape":[1,4],"data":[1.0,2.5,-3.0,4.0]}]})";

std::string ErrorText(const HttpAnswer& answer) {
  return answer.body;
}

TEST(DataPlane, AnswersInference) {
  PlaneFixture plane;
  plane.Serve({PlaneFixture::Service("m", {plane.Fake(1)})});
  HttpCaller caller(plane.port());
  for (int i = 0; i < 3; ++i) {
    const auto answer = caller.Post(kInfer, kFourFloats);
    ASSERT_TRUE(answer.has_value()) << answer.error().ToString();
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->body, kAnswer);
    EXPECT_THAT(answer->head, HasSubstr("content-type: application/json"));
  }
  EXPECT_EQ(caller.Post("/v2/models/m/versions/1/infer", kFourFloats)->body, kAnswer);
  EXPECT_EQ(caller.Post("/p/default/v2/models/m/infer", kFourFloats)->body, kAnswer);
}

TEST(DataPlane, RunsOnnxModels) {
  PlaneFixture plane;
  plane.Serve({PlaneFixture::Service("m", {plane.Onnx(7, "identity.onnx")})});
  HttpCaller caller(plane.port());
  const auto answer = caller.Post(kInfer, kFourFloats);
  ASSERT_EQ(answer->status, 200) << answer->body;
  EXPECT_THAT(answer->body, HasSubstr(R"("model_version":"7")"));
  EXPECT_THAT(answer->body, HasSubstr(R"("data":[1.0,2.5,-3.0,4.0])"));
}

TEST(DataPlane, TellsOfItselfAndItsModels) {
  PlaneFixture plane;
  plane.Serve({PlaneFixture::Service("m", {plane.Fake(1), plane.Fake(2)})});
  HttpCaller caller(plane.port());
  EXPECT_EQ(caller.Get("/v2/health/live")->body, R"({"live":true})");
  EXPECT_EQ(caller.Get("/v2/health/ready")->body, R"({"ready":true})");
  for (const char* path : {"/v2", "/v2/"}) {
    EXPECT_THAT(caller.Get(path)->body, HasSubstr(R"({"name":"slipway","version":")"));
  }
  EXPECT_EQ(caller.Get("/v2/models")->body, R"({"models":["m"]})");
  EXPECT_EQ(caller.Get("/p/other/v2/models")->body, R"({"models":[]})");
  EXPECT_EQ(caller.Get("/v2/models/m")->body,
            R"({"name":"m","versions":["1","2"],"platform":"slipway_fake",)"
            R"("inputs":[{"name":"x","datatype":"FP32","shape":[-1,4]}],)"
            R"("outputs":[{"name":"y","datatype":"FP32","shape":[-1,4]}]})");
  EXPECT_EQ(caller.Get("/v2/models/m/versions/1")->status, 200);
  EXPECT_EQ(caller.Get("/v2/models/m/ready")->body, R"({"name":"m","ready":true})");
  EXPECT_EQ(caller.Get("/v2/models/m/versions/2/ready")->status, 200);
  EXPECT_EQ(caller.Get("/v2/models/m/versions/3/ready")->status, 400);
  EXPECT_EQ(caller.Get("/v2/models/q/ready")->body, R"({"error":"Model version not ready"})");
}

TEST(DataPlane, TellsOfConfigurationAndStatistics) {
  PlaneFixture plane;
  plane.Serve({PlaneFixture::Service("m", {plane.Fake(1), plane.Fake(2)})});
  HttpCaller caller(plane.port());
  const Json config = *ParseJson(caller.Get("/v2/models/m/versions/1/config")->body);
  EXPECT_EQ(config["name"], "m");
  EXPECT_EQ(config["platform"], "slipway_fake");
  EXPECT_EQ(config["max_batch_size"], 0);
  EXPECT_EQ(DumpJson(config["input"][0]["dims"]), "[-1,4]");
  EXPECT_EQ(config["input"][0]["data_type"], "TYPE_FP32");
  EXPECT_EQ(config["instance_group"][0]["kind"], "KIND_CPU");
  EXPECT_EQ(config["version_policy"]["latest"]["num_versions"], 1);
  EXPECT_EQ(caller.Get("/v2/models/nope/config")->status, 404);

  ASSERT_EQ(caller.Post("/v2/models/m/versions/2/infer", kFourFloats)->status, 200);
  ASSERT_EQ(caller.Post("/v2/models/m/versions/2/infer", "{}")->status, 400);
  const Json all = *ParseJson(caller.Get("/v2/models/stats")->body);
  ASSERT_EQ(all["model_stats"].size(), 2u);
  EXPECT_EQ(all["model_stats"][0]["inference_stats"]["success"]["count"], 0);
  EXPECT_EQ(all["model_stats"][0]["last_inference"], 0);
  const Json two = all["model_stats"][1];
  EXPECT_EQ(two["version"], "2");
  EXPECT_EQ(two["inference_count"], 1);
  EXPECT_EQ(two["inference_stats"]["success"]["count"], 1);
  EXPECT_EQ(two["inference_stats"]["fail"]["count"], 1);
  EXPECT_GT(two["inference_stats"]["fail"]["ns"], 0);
  EXPECT_GT(two["last_inference"], int64_t{1'600'000'000'000});
  EXPECT_EQ(two["batch_stats"][0]["batch_size"], 1);
  EXPECT_EQ(caller.Get("/v2/models/m/stats")->status, 200);
  const Json one = *ParseJson(caller.Get("/v2/models/m/versions/1/stats")->body);
  EXPECT_EQ(one["model_stats"].size(), 1u);
  EXPECT_EQ(caller.Get("/v2/models/nope/stats")->status, 404);
  EXPECT_EQ(caller.Get("/p/other/v2/models/stats")->body, R"({"model_stats":[]})");
}

TEST(DataPlane, AConfigurationMustFitItsModel) {
  PlaneFixture plane;
  const auto phase = [&](const std::string& config) {
    runtime::ServingRevision revision = plane.Fake(1);
    revision.config = config;
    plane.Serve({PlaneFixture::Service("m", {revision})});
    return plane.Phase(revision.uid);
  };
  EXPECT_EQ(phase(R"({"max_batch_size":8,"input":[{"name":"x","data_type":"TYPE_FP32",)"
                  R"("dims":[4],"format":"FORMAT_NHWC"}]})"),
            "Ready");
  HttpCaller caller(plane.port());
  const Json config = *ParseJson(caller.Get("/v2/models/m/config")->body);
  EXPECT_EQ(config["max_batch_size"], 8);
  EXPECT_EQ(DumpJson(config["input"][0]["dims"]), "[4]");
  EXPECT_EQ(config["input"][0]["format"], "FORMAT_NHWC");
  EXPECT_EQ(phase(R"({"input":[{"name":"z"}]})"), "Failed: CONFIG_MISMATCH");
  EXPECT_EQ(phase(R"({"output":[{"name":"y","data_type":"TYPE_INT8"}]})"),
            "Failed: CONFIG_MISMATCH");
  EXPECT_EQ(phase(R"({"input":[{"name":"x","dims":[5,4,3]}]})"), "Failed: CONFIG_MISMATCH");
  EXPECT_EQ(phase(R"({"input":[{"name":"x","dims":[7,5]}]})"), "Failed: CONFIG_MISMATCH");
  EXPECT_EQ(phase("{"), "Failed: JSON_SYNTAX");
}

TEST(DataPlane, WhatIsServedIsManaged) {
  PlaneFixture plane;
  plane.Serve({PlaneFixture::Service("m", {plane.Fake(1)})});
  HttpCaller caller(plane.port());
  for (const char* verb : {"load", "unload"}) {
    const auto answer = caller.Post("/v2/repository/models/m/" + std::string(verb), "");
    EXPECT_EQ(answer->status, 400);
    EXPECT_THAT(answer->body, HasSubstr("managed: `slipway deploy`"));
  }
  EXPECT_EQ(caller.Post("/v2/repository/index", "")->body,
            R"([{"name":"m","version":"1","state":"READY"}])");
  EXPECT_EQ(caller.Post("/v2/repository/index", R"({"ready":true})")->status, 200);
  EXPECT_EQ(caller.Post("/v2/repository/index", R"({"ready":1})")->status, 400);
  EXPECT_EQ(caller.Post("/v2/repository/index", "[")->status, 400);
}

TEST(DataPlane, UnknownNamesGetTheProtocolsWords) {
  PlaneFixture plane;
  plane.Serve({PlaneFixture::Service("m", {plane.Fake(1)})});
  HttpCaller caller(plane.port());
  struct Case {
    const char* method;
    const char* path;
    int status;
    const char* body;
  };
  for (const Case& c :
       {Case{"POST", "/v2/models/nope/infer", 404,
             R"({"error":"Request for unknown model: 'nope' is not found"})"},
        Case{"GET", "/v2/models/nope", 404,
             R"({"error":"Request for unknown model: 'nope' is not found"})"},
        Case{"POST", "/v2/models/m/versions/9/infer", 404,
             R"({"error":"Request for unknown model: 'm' version 9 is not found"})"},
        Case{"POST", "/p/other/v2/models/m/infer", 404,
             R"({"error":"Request for unknown model: 'm' is not found"})"},
        Case{"GET", "/v2/models/m/infer", 405, R"({"error":"Method Not Allowed"})"},
        Case{"GET", "/nothing", 404, R"({"error":"Not Found"})"}}) {
    const auto answer = caller.Call(c.method, c.path);
    ASSERT_TRUE(answer.has_value());
    EXPECT_EQ(answer->status, c.status) << c.path;
    EXPECT_EQ(answer->body, c.body) << c.path;
    EXPECT_THAT(answer->head, HasSubstr("content-type: application/json"));
  }
}

TEST(DataPlane, BadRequestsAreRefusedAndTheConnectionLives) {
  PlaneFixture plane;
  plane.Serve({PlaneFixture::Service("m", {plane.Fake(1)})});
  HttpCaller caller(plane.port());
  EXPECT_EQ(caller.Post(kInfer, "")->status, 400);
  EXPECT_EQ(caller.Post(kInfer, "{")->status, 400);
  const auto shape = caller.Post(
      kInfer, R"({"inputs":[{"name":"x","shape":[1,5],"datatype":"FP32","data":[1,2,3,4,5]}]})");
  EXPECT_EQ(shape->status, 400);
  EXPECT_EQ(
      ErrorText(*shape),
      R"({"error":"unexpected shape for input 'x' for model 'm'. Expected [-1,4], got [1,5]"})");
  for (const char* length : {"10", "1000", "-1", "1x", ""}) {
    const std::string header = "Inference-Header-Content-Length: " + std::string(length) + "\r\n";
    EXPECT_EQ(caller.Post(kInfer, kFourFloats, header)->status, 400) << length;
  }
  EXPECT_EQ(caller.Post(kInfer, kFourFloats, "Content-Encoding: br\r\n")->status, 501);
  EXPECT_EQ(caller.Post(kInfer, kFourFloats, "Content-Encoding: gzip\r\n")->status, 400);
  EXPECT_EQ(caller.Post(kInfer, kFourFloats)->status, 200);
  EXPECT_EQ(plane.Metric("nv_inference_request_failure", "OTHER"), 5);
}

// A request whose four floats follow the JSON.
std::string BinaryJson(std::string_view more) {
  return R"({"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32",)"
         R"("parameters":{"binary_data_size":16}}])" +
         std::string(more) + "}";
}

std::string FloatBytes(std::initializer_list<float> numbers) {
  return {reinterpret_cast<const char*>(numbers.begin()), numbers.size() * sizeof(float)};
}

std::string JsonLength(size_t bytes) {
  return "Inference-Header-Content-Length: " + std::to_string(bytes) + "\r\n";
}

TEST(DataPlane, TensorsTravelAsBytesBothWays) {
  PlaneFixture plane;
  plane.Serve({PlaneFixture::Service("m", {plane.Fake(1)})});
  HttpCaller caller(plane.port());
  const std::string floats = FloatBytes({1, 2.5, -3, 4});
  const std::string plain = BinaryJson("");
  const auto json = caller.Post(kInfer, plain + floats, JsonLength(plain.size()));
  EXPECT_EQ(json->status, 200);
  EXPECT_THAT(json->body, HasSubstr("[1.0,2.5,-3.0,4.0]"));
  EXPECT_THAT(json->head, HasSubstr("content-type: application/json"));

  const std::string wish = BinaryJson(R"(,"parameters":{"binary_data_output":true})");
  const auto bytes = caller.Post(kInfer, wish + floats, JsonLength(wish.size()));
  const std::string head =
      R"({"model_name":"m","model_version":"1","outputs":[{"name":"y","datatype":"FP32",)"
      R"("shape":[1,4],"parameters":{"binary_data_size":16}}]})";
  EXPECT_EQ(bytes->body, head + floats);
  EXPECT_THAT(bytes->head, HasSubstr("content-type: application/octet-stream"));
  EXPECT_THAT(bytes->head,
              HasSubstr("inference-header-content-length: " + std::to_string(head.size())));
}

TEST(DataPlane, ARawRequestNeedsNoJson) {
  PlaneFixture plane;
  plane.Serve({PlaneFixture::Service("m", {plane.Fake(1)})});
  HttpCaller caller(plane.port());
  const std::string floats = FloatBytes({1, 2, 3, 4, 5, 6, 7, 8});
  const auto answer = caller.Post(kInfer, floats, JsonLength(0));
  EXPECT_EQ(answer->status, 200);
  EXPECT_THAT(answer->body, HasSubstr("\"shape\":[2,4]"));
  EXPECT_TRUE(answer->body.ends_with(floats));
  EXPECT_EQ(caller.Post(kInfer, floats.substr(1), JsonLength(0))->status, 400);
}

TEST(DataPlane, BinaryTensorsMayBeLargeSlowAndChunked) {
  PlaneFixture plane;
  plane.Serve({PlaneFixture::Service("m", {plane.Fake(1)})});
  HttpCaller caller(plane.port());
  std::string floats;
  for (int i = 0; i < 1'000'000; ++i) floats += FloatBytes({static_cast<float>(i)});
  const std::string json =
      R"({"inputs":[{"name":"x","shape":[250000,4],"datatype":"FP32",)"
      R"("parameters":{"binary_data_size":4000000}}],"parameters":{"binary_data_output":true}})";
  const auto whole = caller.Post(kInfer, json + floats, JsonLength(json.size()));
  ASSERT_EQ(whole->status, 200);
  EXPECT_TRUE(whole->body.ends_with(floats));
  std::string chunks = "POST " + std::string(kInfer) + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" +
                       JsonLength(json.size()) + "Transfer-Encoding: chunked\r\n\r\n";
  const std::string body = json + floats;
  constexpr size_t kChunk = 0x10001;
  for (size_t at = 0; at < body.size(); at += kChunk) {
    const std::string piece = body.substr(at, kChunk);
    char size[32];
    std::snprintf(size, sizeof(size), "%zx\r\n", piece.size());
    chunks += size + piece + "\r\n";
  }
  const auto pieces = caller.Raw(chunks + "0\r\n\r\n");
  ASSERT_EQ(pieces->status, 200);
  EXPECT_TRUE(pieces->body.ends_with(floats));
}

TEST(DataPlane, OutputsAreClassified) {
  PlaneFixture plane;
  plane.Serve({PlaneFixture::Service("m", {plane.Fake(1)})});
  HttpCaller caller(plane.port());
  const std::string body =
      R"({"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1,2.5,-3,4]}],)"
      R"("outputs":[{"name":"y","parameters":{"classification":2}}]})";
  EXPECT_THAT(caller.Post(kInfer, body)->body,
              HasSubstr(R"("datatype":"BYTES","shape":[1,2],"data":["4.000000:3","2.500000:1"])"));
}

std::string Gzip(std::string_view text) {
  net::Deflater deflater(net::ContentCoding::kGzip);
  std::string out;
  deflater.Write(text, true, out);
  return out;
}

TEST(DataPlane, BodiesMayBeCompressedBothWays) {
  PlaneFixture plane;
  plane.Serve({PlaneFixture::Service("m", {plane.Fake(1)})});
  HttpCaller caller(plane.port());
  EXPECT_EQ(caller.Post(kInfer, Gzip(kFourFloats), "Content-Encoding: gzip\r\n")->status, 200);
  std::string numbers = "0.5";
  for (int i = 1; i < 200'000; ++i) numbers += ",0.5";
  const std::string large =
      R"({"inputs":[{"name":"x","shape":[50000,4],"datatype":"FP32","data":[)" + numbers + "]}]}";
  const std::string plain = caller.Post(kInfer, large)->body;
  const auto packed = caller.Post(kInfer, Gzip(large),
                                  "Content-Encoding: gzip\r\nAccept-Encoding: deflate, gzip\r\n");
  ASSERT_EQ(packed->status, 200);
  EXPECT_THAT(packed->head, HasSubstr("content-encoding: gzip"));
  net::Inflater inflater(net::ContentCoding::kGzip, packed->body);
  std::string unpacked(plain.size() + 1, '\0');
  ASSERT_EQ(inflater.Read(unpacked.data(), unpacked.size()).value(), plain.size());
  unpacked.resize(plain.size());
  EXPECT_EQ(unpacked, plain);
  // What unpacks to more than a body may have.
  const auto bomb = caller.Post(kInfer, Gzip(std::string(kMaxInferBodyBytes + 1, ' ')),
                                "Content-Encoding: gzip\r\n");
  EXPECT_EQ(bomb->status, 413);
}

TEST(DataPlane, TakesLargeAndChunkedBodies) {
  PlaneFixture plane;
  plane.Serve({PlaneFixture::Service("m", {plane.Fake(1)})});
  HttpCaller caller(plane.port());
  std::string numbers = "0.5";
  for (int i = 1; i < 400'000; ++i) numbers += ",0.5";
  const std::string body =
      R"({"inputs":[{"name":"x","shape":[100000,4],"datatype":"FP32","data":[)" + numbers + "]}]}";
  const auto answer = caller.Post(kInfer, body);
  ASSERT_EQ(answer->status, 200);
  EXPECT_THAT(answer->body, HasSubstr(R"("shape":[100000,4],"data":[0.5,0.5,)"));

  std::string chunked =
      "POST /v2/models/m/infer HTTP/1.1\r\nHost: localhost\r\n"
      "Transfer-Encoding: chunked\r\n\r\n";
  for (size_t at = 0; at < kFourFloats.size(); at += 7) {
    const std::string_view piece = kFourFloats.substr(at, 7);
    chunked += std::to_string(piece.size()) + "\r\n" + std::string(piece) + "\r\n";
  }
  EXPECT_EQ(caller.Raw(chunked + "0\r\n\r\n")->body, kAnswer);
}

TEST(DataPlane, BodiesAboveTheLimitAreRefusedUnread) {
  PlaneFixture plane;
  plane.Serve({PlaneFixture::Service("m", {plane.Fake(1)})});
  HttpCaller caller(plane.port());
  const auto answer = caller.Raw(
      "POST /v2/models/m/infer HTTP/1.1\r\nHost: localhost\r\n"
      "Content-Length: 99999999999\r\n\r\n");
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status, 413);
  EXPECT_THAT(answer->body, HasSubstr("67108864"));
}

TEST(DataPlane, AFailedRunIsTheModelsFault) {
  PlaneFixture plane;
  plane.Serve({PlaneFixture::Service("m", {plane.Fake(1, R"(,"failRun":"no luck")")})});
  HttpCaller caller(plane.port());
  const auto answer = caller.Post(kInfer, kFourFloats);
  EXPECT_EQ(answer->status, 500);
  EXPECT_EQ(answer->body, R"({"error":"no luck"})");
  EXPECT_EQ(plane.Metric("nv_inference_request_failure", "BACKEND"), 1);
}

TEST(DataPlane, ARevisionThatDoesNotLoadGetsNoTraffic) {
  PlaneFixture plane;
  const auto good = plane.Fake(1);
  const auto bad = plane.Fake(2, R"(,"failLoad":"no luck")");
  plane.Serve({PlaneFixture::Service("m", {good})});
  // The configuration drops the good one at once; it serves on, since the other cannot.
  plane.Serve({PlaneFixture::Service("m", {bad})});
  EXPECT_EQ(plane.Phase(bad.uid), "Failed: LOAD_FAILED");
  HttpCaller caller(plane.port());
  EXPECT_EQ(caller.Post(kInfer, kFourFloats)->body, kAnswer);
  const auto named = caller.Post("/v2/models/m/versions/2/infer", kFourFloats);
  EXPECT_EQ(named->status, 503);
  EXPECT_THAT(named->body,
              HasSubstr("'m' version 2 is not at ready state (revision 2 failed: no luck)"));

  const auto better = plane.Fake(3);
  plane.Serve({PlaneFixture::Service("m", {bad, better})});
  EXPECT_EQ(plane.Phase(better.uid), "Ready");
  EXPECT_THAT(caller.Post(kInfer, kFourFloats)->body, HasSubstr(R"("model_version":"3")"));
  EXPECT_TRUE(PlaneFixture::WaitFor([&] { return plane.Phase(good.uid).empty(); }));
}

TEST(DataPlane, ServicesComeAndGo) {
  PlaneFixture plane;
  HttpCaller caller(plane.port());
  const auto not_yet = caller.Get("/v2/health/ready");
  EXPECT_EQ(not_yet->status, 503);
  EXPECT_EQ(not_yet->body, R"({"ready":false})");
  plane.Serve({PlaneFixture::Service("m", {plane.Fake(1)}), PlaneFixture::Service("empty", {})});
  EXPECT_EQ(caller.Get("/v2/health/ready")->status, 200);
  EXPECT_EQ(caller.Post(kInfer, kFourFloats)->status, 200);
  const auto empty = caller.Post("/v2/models/empty/infer", kFourFloats);
  EXPECT_EQ(empty->status, 503);
  EXPECT_THAT(empty->head, HasSubstr("retry-after: 1"));
  EXPECT_THAT(empty->body, HasSubstr("'empty' has no available versions"));
  plane.Serve({});
  EXPECT_EQ(caller.Post(kInfer, kFourFloats)->status, 404);
  EXPECT_TRUE(PlaneFixture::WaitFor([&] { return plane.plane().status().revisions.empty(); }));
}

TEST(DataPlane, FullQueuesAnswerAtOnce) {
  PlaneFixture plane({.engine_threads = 1, .max_queued_runs = 2});
  plane.Serve({PlaneFixture::Service("m", {plane.Fake(1, R"(,"delayUs":100000)")})});
  std::atomic<int> good{0};
  std::atomic<int> busy{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      HttpCaller caller(plane.port());
      const auto answer = caller.Post(kInfer, kFourFloats);
      if (answer.has_value() && answer->status == 200) ++good;
      if (answer.has_value() && answer->status == 503 &&
          answer->body == R"({"error":"Exceeds maximum queue size"})" &&
          answer->head.find("retry-after: 1") != std::string::npos) {
        ++busy;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GE(good, 2);
  EXPECT_GE(busy, 3);
  EXPECT_EQ(good + busy, 8);
  EXPECT_EQ(plane.Metric("nv_inference_request_failure", "REJECTED"), busy);
}

TEST(DataPlane, RequestsMayHaveATimeLimit) {
  PlaneFixture plane;
  plane.Serve({PlaneFixture::Service("m", {plane.Fake(1, R"(,"delayUs":20000000)")})});
  HttpCaller caller(plane.port());
  std::string body(kFourFloats);
  body.insert(1, R"("parameters":{"timeout":50000},)");
  const auto begin = std::chrono::steady_clock::now();
  const auto answer = caller.Post(kInfer, body);
  EXPECT_EQ(answer->status, 503);
  EXPECT_EQ(answer->body, R"({"error":"Request timeout expired"})");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

TEST(DataPlane, WorkOfClientsThatLeaveIsCancelled) {
  PlaneFixture plane({.engine_threads = 1});
  plane.Serve({PlaneFixture::Service("m", {plane.Fake(1, R"(,"delayUs":20000000)")})});
  const auto pending = [&] { return plane.Metric("nv_inference_pending_request_count"); };
  {
    // One runs, one waits.
    HttpCaller runs(plane.port());
    HttpCaller waits(plane.port());
    ASSERT_TRUE(runs.Send(MakeRequest("POST", kInfer, kFourFloats)).has_value());
    ASSERT_TRUE(PlaneFixture::WaitFor([&] { return pending() == 1; }));
    ASSERT_TRUE(waits.Send(MakeRequest("POST", kInfer, kFourFloats)).has_value());
    ASSERT_TRUE(PlaneFixture::WaitFor([&] { return pending() == 2; }));
  }
  EXPECT_TRUE(PlaneFixture::WaitFor([&] { return pending() == 0; }));
  EXPECT_TRUE(PlaneFixture::WaitFor(
      [&] { return plane.Metric("nv_inference_request_failure", "CANCELED") == 2; }));
}

TEST(DataPlane, ARunThatIsNotAsCheapAsThoseBeforeLeavesTheCore) {
  PlaneFixture plane({}, /*cores=*/1);
  plane.Serve({PlaneFixture::Service("m", {plane.Fake(1)}),
               PlaneFixture::Service("slow", {plane.Onnx(1, "slow_loop.onnx")})});
  const auto loop = [](std::string_view iterations) {
    return std::string(R"({"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32",)") +
           R"("data":[1,2,3,4]},{"name":"iterations","shape":[],"datatype":"INT64","data":[)" +
           std::string(iterations) + "]}]}";
  };
  HttpCaller other(plane.port());
  {
    HttpCaller greedy(plane.port());
    for (int i = 0; i < 8; ++i) {  // the core learns that it is cheap
      EXPECT_EQ(greedy.Post("/v2/models/slow/infer", loop("1"))->status, 200);
    }
    const std::string endless = loop("9000000000000000000");
    ASSERT_TRUE(greedy.Send(MakeRequest("POST", "/v2/models/slow/infer", endless)).has_value());
    EXPECT_EQ(other.Post(kInfer, kFourFloats)->status, 200) << "the core is free again";
  }
  EXPECT_TRUE(PlaneFixture::WaitFor(
      [&] { return plane.Metric("nv_inference_request_failure", "CANCELED") == 1; }));
  EXPECT_EQ(other.Post("/v2/models/slow/infer", loop("2"))->status, 200);
}

TEST(DataPlane, ARunWithoutEndIsEndedByTheLimitOfItsService) {
  PlaneFixture plane({.engine_threads = 1}, /*cores=*/1);
  runtime::ServingService slow = PlaneFixture::Service("slow", {plane.Onnx(1, "slow_loop.onnx")});
  slow.timeout_ms = 300;
  runtime::ServingService patient =
      PlaneFixture::Service("m", {plane.Fake(1, R"(,"delayUs":1000)")});
  plane.Serve({patient, slow});
  const std::string endless =
      R"({"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]},)"
      R"({"name":"iterations","shape":[],"datatype":"INT64","data":[9000000000000000000]}]})";
  HttpCaller greedy(plane.port());
  const auto answer = greedy.Post("/v2/models/slow/infer", endless);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status, 504);
  EXPECT_NE(answer->body.find("the 300 ms that this service allows"), std::string::npos)
      << answer->body;
  EXPECT_NE(answer->body.find("spec.timeout"), std::string::npos);
  EXPECT_EQ(plane.Metric("nv_inference_request_failure", "BACKEND"), 1);
  EXPECT_EQ(greedy.Post(kInfer, kFourFloats)->status, 200) << "its engine thread is free again";
  // The limit follows the configuration, without a load.
  slow.timeout_ms = 200;
  plane.Serve({patient, slow});
  EXPECT_NE(greedy.Post("/v2/models/slow/infer", endless)->body.find("200 ms"), std::string::npos);
}

TEST(DataPlane, AClientMayAskForLessTimeButNotForMore) {
  PlaneFixture plane;
  runtime::ServingService service =
      PlaneFixture::Service("m", {plane.Fake(1, R"(,"delayUs":60000000)")});
  service.timeout_ms = 400;
  plane.Serve({service});
  HttpCaller caller(plane.port());
  std::string body(kFourFloats);
  body.insert(1, R"("parameters":{"timeout":60000000},)");
  EXPECT_EQ(caller.Post(kInfer, body)->status, 504);
  std::string shorter(kFourFloats);
  shorter.insert(1, R"("parameters":{"timeout":50000},)");
  EXPECT_EQ(caller.Post(kInfer, shorter)->body, R"({"error":"Request timeout expired"})");
}

TEST(DataPlane, StopDrains) {
  PlaneFixture plane;
  plane.Serve({PlaneFixture::Service("m", {plane.Fake(1, R"(,"delayUs":300000)")})});
  HttpCaller caller(plane.port());
  ASSERT_TRUE(caller.Send(MakeRequest("POST", kInfer, kFourFloats)).has_value());
  ASSERT_TRUE(PlaneFixture::WaitFor(
      [&] { return plane.Metric("nv_inference_pending_request_count") == 1; }));
  plane.Stop(std::chrono::milliseconds(5000));
  const auto answer = caller.Receive();
  ASSERT_TRUE(answer.has_value()) << answer.error().ToString();
  EXPECT_EQ(answer->status, 200);
}

TEST(DataPlane, CountsWhatItDoes) {
  PlaneFixture plane;
  plane.Serve({PlaneFixture::Service("m", {plane.Fake(1)})});
  HttpCaller caller(plane.port());
  for (int i = 0; i < 5; ++i) ASSERT_EQ(caller.Post(kInfer, kFourFloats)->status, 200);
  const std::string labels = R"(model="m",namespace="default",version="1")";
  EXPECT_EQ(plane.Metric("nv_inference_request_success", labels), 5);
  EXPECT_EQ(plane.Metric("nv_inference_count", labels), 5);
  EXPECT_EQ(plane.Metric("nv_inference_exec_count", labels), 5);
  EXPECT_GT(plane.Metric("slipway_inference_request_duration_seconds_count", labels), 0);
  EXPECT_GT(plane.Metric("slipway_inference_request_duration_seconds_sum", labels), 0);
  for (const char* phase : {"queue", "compute"}) {
    const std::string name = std::string("slipway_inference_") + phase + "_duration_seconds";
    EXPECT_EQ(plane.Metric(name + "_count", labels),
              plane.Metric("slipway_inference_request_duration_seconds_count", labels));
  }
  // Series go with their revision.
  plane.Serve({});
  EXPECT_TRUE(PlaneFixture::WaitFor(
      [&] { return plane.Metrics().find("nv_inference_request_success{") == std::string::npos; }));
}

class KeyTest : public ::testing::Test {
 protected:
  KeyTest() : plane_({.clock = &clock_}) {
    auto closed = PlaneFixture::Service("m", {plane_.Fake(1)});
    closed.access = "token";
    closed.keys = {{.sha256 = trust::HashToken(key_)},
                   {.sha256 = trust::HashToken(late_), .expires_at_ms = NowMs() + 1000}};
    auto other = PlaneFixture::Service("other", {plane_.Fake(1)});
    other.access = "token";
    other.keys = {{.sha256 = trust::HashToken(foreign_)}};
    plane_.Serve({closed, other, PlaneFixture::Service("open", {plane_.Fake(1)})});
  }
  int64_t NowMs() { return clock_.Wall().time_since_epoch().count(); }
  HttpAnswer Infer(std::string_view model, const std::string& header) {
    HttpCaller caller(plane_.port());
    return caller.Post("/v2/models/" + std::string(model) + "/infer", kFourFloats, header).value();
  }
  static std::string Bearer(const std::string& key) {
    return "Authorization: Bearer " + key + "\r\n";
  }

  FakeClock clock_;
  const std::string key_ = trust::MakeToken(SystemRandom()).text;
  const std::string late_ = trust::MakeToken(SystemRandom()).text;
  const std::string foreign_ = trust::MakeToken(SystemRandom()).text;
  PlaneFixture plane_;
};

TEST_F(KeyTest, ServicesWithKeysWantOne) {
  EXPECT_EQ(Infer("open", "").status, 200);
  const HttpAnswer missing = Infer("m", "");
  EXPECT_EQ(missing.status, 401);
  EXPECT_THAT(missing.head, HasSubstr("www-authenticate: bearer"));
  EXPECT_THAT(missing.body, HasSubstr(R"({"error":"this needs a key)"));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Infer("m", Bearer(key_)).status, 200);
  EXPECT_EQ(Infer("m", Bearer(key_ + "x")).status, 401);
  EXPECT_EQ(Infer("m", "Authorization: Digest abc\r\n").status, 401);
  const HttpAnswer foreign = Infer("m", Bearer(foreign_));
  EXPECT_EQ(foreign.status, 403);
  EXPECT_THAT(foreign.body, HasSubstr("another service"));
  EXPECT_EQ(Infer("nope", "").status, 404);
}

TEST_F(KeyTest, KeysExpire) {
  EXPECT_EQ(Infer("m", Bearer(late_)).status, 200);
  clock_.JumpWall(std::chrono::seconds(2));
  const HttpAnswer late = Infer("m", Bearer(late_));
  EXPECT_EQ(late.status, 401);
  EXPECT_THAT(late.body, HasSubstr("has expired"));
  EXPECT_EQ(Infer("m", Bearer(key_)).status, 200);
}

TEST_F(KeyTest, EveryRouteHasARuleThatTheGuardKnows) {
  for (const auto* routes : {&plane_.plane().rest_routes(), &plane_.plane().metrics_routes()}) {
    EXPECT_FALSE(routes->empty());
    for (const net::Route& route : *routes) {
      EXPECT_TRUE(route.access == net::Access::kOpen || route.access == net::Access::kLocal ||
                  route.access == net::Access::kInference || route.access == net::Access::kControl)
          << route.pattern;
      const bool of_model = route.pattern.find("{model}") != std::string::npos;
      const bool is_of_service =
          route.access == net::Access::kInference || route.access == net::Access::kControl;
      EXPECT_TRUE(is_of_service || !of_model) << route.pattern;
    }
  }
}

// A route of model m as a request would name it.
std::string PathOf(std::string pattern) {
  const std::pair<std::string_view, std::string_view> values[] = {
      {"{model}", "m"}, {"{version}", "1"}, {"{project}", "default"}};
  for (const auto& [parameter, value] : values) {
    const size_t at = pattern.find(parameter);
    if (at != std::string::npos) pattern.replace(at, parameter.size(), value);
  }
  return pattern;
}

TEST_F(KeyTest, EveryRouteOfAServiceAsksForItsKey) {
  HttpCaller caller(plane_.port());
  int asked = 0;
  for (const net::Route& route : plane_.plane().rest_routes()) {
    const std::string path = PathOf(route.pattern);
    const std::string_view body = route.method == net::Method::kPost ? kFourFloats : "";
    const auto status = [&](const std::string& header) {
      return caller.Call(net::MethodName(route.method), path, body, header)->status;
    };
    if (route.access != net::Access::kInference) {
      EXPECT_NE(status(""), 401) << path;
      continue;
    }
    ++asked;
    EXPECT_EQ(status(""), 401) << path;
    EXPECT_EQ(status(Bearer(key_ + "x")), 401) << path;
    EXPECT_EQ(status(Bearer(foreign_)), 403) << path;
    const int own = status(Bearer(key_));
    EXPECT_TRUE(own != 401 && own != 403) << path << " " << own;
  }
  EXPECT_GE(asked, 12);
}

}  // namespace
}  // namespace slipway::gateway
