// Requests that share runs, and requests that wait, as clients see them.
#include <latch>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/revision_runtime.h"
#include "gateway/testing/plane_fixture.h"

namespace slipway::gateway {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kInfer = "/v2/models/m/infer";

// A request of so many rows, each of which is `value` four times.
std::string Rows(int rows, int value, const std::string& parameters = "{}") {
  std::string data;
  for (int i = 0; i < rows * 4; ++i) data += (i > 0 ? "," : "") + std::to_string(value);
  return R"({"parameters":)" + parameters + R"(,"inputs":[{"name":"x","shape":[)" +
         std::to_string(rows) + R"(,4],"datatype":"FP32","data":[)" + data + "]}]}";
}

std::string Answer(int rows, int value) {
  std::string data;
  for (int i = 0; i < rows * 4; ++i) data += (i > 0 ? "," : "") + std::to_string(value) + ".0";
  return R"({"model_name":"m","model_version":"1","outputs":[{"name":"y","datatype":"FP32",)"
         R"("shape":[)" +
         std::to_string(rows) + R"(,4],"data":[)" + data + "]}]}";
}

runtime::ServingService Batched(runtime::ServingRevision revision,
                                runtime::BatchingSettings settings) {
  revision.batching = std::move(settings);
  return PlaneFixture::Service("m", {std::move(revision)});
}

// Long enough for every machine: what is held so long is held until the batch is full.
constexpr int64_t kLong = 10'000'000;
// A fake model that no core runs itself.
constexpr const char* kSlow = R"(,"delayUs":1000)";

// Sends the bodies at the same time, on a connection each, and returns the answers.
std::vector<HttpAnswer> CallAll(const PlaneFixture& plane, const std::vector<std::string>& bodies) {
  std::vector<HttpAnswer> answers(bodies.size());
  std::vector<std::jthread> callers;
  for (size_t i = 0; i < bodies.size(); ++i) {
    callers.emplace_back([&, i] {
      HttpCaller caller(plane.port());
      const auto answer = caller.Post(kInfer, bodies[i]);
      if (answer.has_value()) answers[i] = *answer;
    });
  }
  callers.clear();
  return answers;
}

TEST(Batching, RequestsShareOneRunAndGetTheirOwnAnswers) {
  PlaneFixture plane;
  plane.Serve({Batched(plane.Fake(1, kSlow), {.max_batch_size = 6, .max_queue_delay_us = kLong})});
  const auto answers = CallAll(plane, {Rows(1, 7), Rows(2, 8), Rows(3, 9)});
  EXPECT_EQ(answers[0].body, Answer(1, 7));
  EXPECT_EQ(answers[1].body, Answer(2, 8));
  EXPECT_EQ(answers[2].body, Answer(3, 9));
  EXPECT_EQ(plane.Metric("nv_inference_request_success"), 3);
  EXPECT_EQ(plane.Metric("nv_inference_count"), 6);
  EXPECT_EQ(plane.Metric("nv_inference_exec_count"), 1);
  EXPECT_EQ(plane.Metric("slipway_inference_batch_runs", R"(rows="8")"), 1);
}

TEST(Batching, OnnxModelsToo) {
  PlaneFixture plane;
  plane.Serve({Batched(plane.Onnx(1, "string_identity.onnx"), {.max_batch_size = 4})});
  const auto body = [](const std::string& data, int rows) {
    return R"({"inputs":[{"name":"x","shape":[)" + std::to_string(rows) +
           R"(],"datatype":"BYTES","data":[)" + data + "]}]}";
  };
  const auto answers = CallAll(plane, {body(R"("one")", 1), body(R"("two","","four")", 3)});
  EXPECT_THAT(answers[0].body, HasSubstr(R"("shape":[1],"data":["one"])"));
  EXPECT_THAT(answers[1].body, HasSubstr(R"("shape":[3],"data":["two","","four"])"));
  EXPECT_EQ(plane.Metric("nv_inference_count"), 4);
}

TEST(Batching, ABadRequestFailsAlone) {
  PlaneFixture plane;
  plane.Serve({Batched(plane.Fake(1, R"(,"delayUs":1000,"failOn":13)"),
                       {.max_batch_size = 3, .max_queue_delay_us = kLong})});
  const auto answers = CallAll(plane, {Rows(1, 7), Rows(1, 13), Rows(1, 9)});
  EXPECT_EQ(answers[0].body, Answer(1, 7));
  EXPECT_EQ(answers[1].status, 500);
  EXPECT_EQ(answers[2].body, Answer(1, 9));
  EXPECT_EQ(plane.Metric("nv_inference_request_failure", "BACKEND"), 1);
}

TEST(Batching, WhatIsNoPartOfABatchIsRefused) {
  PlaneFixture plane;
  plane.Serve({Batched(plane.Fake(1), {.max_batch_size = 2})});
  HttpCaller caller(plane.port());
  const auto answer = caller.Post(kInfer, Rows(3, 1));
  EXPECT_EQ(answer->status, 400);
  EXPECT_THAT(answer->body, HasSubstr("inference request batch-size must be <= 2 for 'm', got 3"));
  EXPECT_EQ(caller.Post(kInfer, Rows(2, 1))->body, Answer(2, 1));
  EXPECT_EQ(plane.Metric("nv_inference_request_failure", "OTHER"), 1);
  EXPECT_EQ(plane.Metric("nv_inference_count"), 2);
}

TEST(Batching, AModelWithoutAnOpenFirstDimensionFailsToLoad) {
  PlaneFixture plane;
  const runtime::ServingService service =
      Batched(plane.Onnx(1, "linear_a.onnx"), {.max_batch_size = 8});
  plane.Serve({service});
  EXPECT_EQ(plane.Phase(service.revisions[0].uid), "Failed: BATCHING_UNSUPPORTED");
  HttpCaller caller(plane.port());
  EXPECT_EQ(caller.Post(kInfer, kFourFloats)->status, 503);
}

TEST(Batching, AModelThatTurnsOutToHaveNoBatchServesOn) {
  PlaneFixture plane;
  const runtime::ServingService service =
      Batched(plane.Fake(1, R"(,"delayUs":1000,"mergeRows":true)"),
              {.max_batch_size = 2, .max_queue_delay_us = kLong});
  plane.Serve({service});
  EXPECT_EQ(plane.Phase(service.revisions[0].uid), "Ready");
  for (const HttpAnswer& answer : CallAll(plane, {Rows(1, 7), Rows(1, 7)})) {
    EXPECT_EQ(answer.body, Answer(1, 7));
  }
  EXPECT_TRUE(PlaneFixture::WaitFor(
      [&] { return plane.Phase(service.revisions[0].uid) == "Ready: BATCH_ROWS"; }));
  HttpCaller caller(plane.port());
  EXPECT_EQ(caller.Post(kInfer, Rows(1, 8))->body, Answer(1, 8)) << "it is not held any more";
}

TEST(Batching, AFullLineIs503AndWhoLeavesItIsNotRun) {
  PlaneFixture plane;
  plane.Serve({Batched(plane.Fake(1, kSlow),
                       {.max_batch_size = 8, .max_queue_delay_us = kLong, .max_queue_size = 1})});
  HttpCaller waiting(plane.port());
  ASSERT_TRUE(waiting.Send(MakeRequest("POST", kInfer, Rows(1, 7))).has_value());
  ASSERT_TRUE(PlaneFixture::WaitFor(
      [&] { return plane.Metric("nv_inference_pending_request_count") == 1; }));
  HttpCaller caller(plane.port());
  const auto answer = caller.Post(kInfer, Rows(1, 8));
  EXPECT_EQ(answer->status, 503);
  EXPECT_THAT(answer->head, HasSubstr("retry-after: 1"));
  EXPECT_THAT(answer->body, HasSubstr("Exceeds maximum queue size"));
  waiting.Close();
  EXPECT_TRUE(PlaneFixture::WaitFor(
      [&] { return plane.Metric("nv_inference_pending_request_count") == 0; }));
  EXPECT_TRUE(PlaneFixture::WaitFor(
      [&] { return plane.Metric("nv_inference_request_failure", "CANCELED") == 1; }));
  EXPECT_EQ(plane.Metric("nv_inference_request_failure", "REJECTED"), 1);
  EXPECT_EQ(plane.Metric("nv_inference_exec_count"), 0);
}

TEST(Batching, AWaitThatIsTooLongIs503) {
  PlaneFixture plane({.engine_threads = 1});
  plane.Serve({Batched(plane.Fake(1, R"(,"delayUs":20000000)"), {.queue_timeout_us = 500'000})});
  HttpCaller busy(plane.port());
  ASSERT_TRUE(busy.Send(MakeRequest("POST", kInfer, Rows(1, 7))).has_value());
  ASSERT_TRUE(PlaneFixture::WaitFor(
      [&] { return plane.Metric("nv_inference_pending_request_count") == 1; }));
  HttpCaller caller(plane.port());
  const auto answer = caller.Post(kInfer, Rows(1, 8));
  EXPECT_EQ(answer->status, 503);
  EXPECT_THAT(answer->body, HasSubstr("Request timeout expired"));
  EXPECT_EQ(plane.Metric("nv_inference_request_failure", "REJECTED"), 1);
  busy.Close();  // and its run is ended
}

// The run that it shares takes 20 s, and goes on for its companion.
TEST(Batching, WhoseTimeIsOverLeavesTheSharedRun) {
  PlaneFixture plane;
  plane.Serve({Batched(plane.Fake(1, R"(,"delayUs":20000000)"),
                       {.max_batch_size = 2, .max_queue_delay_us = kLong})});
  HttpCaller patient(plane.port());
  ASSERT_TRUE(patient.Send(MakeRequest("POST", kInfer, Rows(1, 7))).has_value());
  ASSERT_TRUE(PlaneFixture::WaitFor(
      [&] { return plane.Metric("nv_inference_pending_request_count") == 1; }));
  HttpCaller hasty(plane.port());
  const auto answer = hasty.Post(kInfer, Rows(1, 8, R"({"timeout":200000})"));
  EXPECT_EQ(answer->status, 503);
  EXPECT_THAT(answer->body, HasSubstr("Request timeout expired"));
  EXPECT_EQ(plane.Metric("nv_inference_pending_request_count"), 2) << "their run is under way";
  patient.Close();
  EXPECT_TRUE(PlaneFixture::WaitFor(
      [&] { return plane.Metric("nv_inference_pending_request_count") == 0; }));
}

TEST(Batching, TheClientsTimeoutMayBeIgnored) {
  PlaneFixture plane;
  const std::string hasty = Rows(1, 7, R"({"timeout":1})");
  plane.Serve({Batched(plane.Fake(1, kSlow), {.allow_timeout_override = false})});
  {
    HttpCaller caller(plane.port());
    EXPECT_EQ(caller.Post(kInfer, hasty)->status, 200);
  }
  plane.Serve({Batched(plane.Fake(2, kSlow), {.timeout_action = "delay"})});
  {
    HttpCaller caller(plane.port());
    EXPECT_EQ(caller.Post(kInfer, hasty)->status, 200) << "late is only last";
  }
  plane.Serve({Batched(plane.Fake(3, kSlow), {})});
  HttpCaller caller(plane.port());
  EXPECT_EQ(caller.Post(kInfer, hasty)->status, 503);
}

// Who sends a body or takes an answer slowly holds no instance: there is one, and others use it.
TEST(Batching, SlowClientsHoldNoInstance) {
  PlaneFixture plane({.engine_threads = 1}, 1);
  runtime::ServingRevision revision = plane.Fake(1, kSlow);
  revision.instances = 1;
  plane.Serve({PlaneFixture::Service("m", {revision})});
  const std::string large = Rows(200'000, 1);
  const std::string request = MakeRequest("POST", kInfer, large);
  HttpCaller sends_slowly(plane.port());
  ASSERT_TRUE(
      sends_slowly.Send(std::string_view(request).substr(0, request.size() / 2)).has_value());
  HttpCaller reads_slowly(plane.port());
  ASSERT_TRUE(reads_slowly.Send(request).has_value());
  ASSERT_TRUE(
      PlaneFixture::WaitFor([&] { return plane.Metric("nv_inference_request_success") == 1; }));
  HttpCaller caller(plane.port());
  EXPECT_EQ(caller.Post(kInfer, Rows(1, 7))->body, Answer(1, 7));
  ASSERT_TRUE(sends_slowly.Send(std::string_view(request).substr(request.size() / 2)).has_value());
  EXPECT_EQ(sends_slowly.Receive()->status, 200);
  EXPECT_EQ(reads_slowly.Receive()->status, 200);
}

// 64 clients at once, whose requests together take many times what is allowed: each gets its answer
// or a refusal that tells it to come again, and everything is given back.
TEST(Batching, MemoryOfRequestsIsBounded) {
  constexpr uint64_t kLimit = 8 << 20;
  PlaneFixture plane({.request_memory_bytes = kLimit});
  plane.Serve({PlaneFixture::Service("m", {plane.Fake(1, kSlow)})});
  const std::string body = Rows(50'000, 1);  // 400 kB, whose tensors take 800 kB each
  std::atomic<bool> over{false};
  std::atomic<int> good{0};
  std::atomic<int> refused{0};
  const auto call = [&] {
    HttpCaller caller(plane.port());
    for (int turn = 0; turn < 4; ++turn) {
      const auto answer = caller.Post(kInfer, body);
      if (!answer.has_value()) break;
      if (answer->status == 200 && answer->body.size() > 50'000) ++good;
      if (answer->status == 503 && answer->head.find("retry-after: 1") != std::string::npos &&
          answer->body.find("too much memory: try again") != std::string::npos) {
        ++refused;
      }
    }
  };
  {
    std::jthread watch([&](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        over = over || plane.Metric("slipway_request_memory_bytes") > kLimit;
      }
    });
    std::vector<std::jthread> callers;
    for (int i = 0; i < 64; ++i) callers.emplace_back(call);
  }
  EXPECT_FALSE(over);
  EXPECT_EQ(good + refused, 64 * 4);
  EXPECT_GT(good, 0);
  EXPECT_TRUE(
      PlaneFixture::WaitFor([&] { return plane.Metric("slipway_request_memory_bytes") == 0; }));
  HttpCaller caller(plane.port());
  EXPECT_EQ(caller.Post(kInfer, body)->status, 200);
}

TEST(Batching, AnswersCountUntilTheyAreTaken) {
  PlaneFixture plane({.request_memory_bytes = 256 << 20});
  plane.Serve({PlaneFixture::Service("m", {plane.Fake(1, kSlow)})});
  const std::string request = MakeRequest("POST", kInfer, Rows(1'000'000, 1));
  HttpCaller slow(plane.port());
  ASSERT_TRUE(slow.Send(request).has_value());
  ASSERT_TRUE(
      PlaneFixture::WaitFor([&] { return plane.Metric("nv_inference_request_success") == 1; }));
  EXPECT_GE(plane.Metric("slipway_request_memory_bytes"), 16'000'000);
  EXPECT_EQ(slow.Receive()->status, 200);
  EXPECT_TRUE(
      PlaneFixture::WaitFor([&] { return plane.Metric("slipway_request_memory_bytes") == 0; }));
}

TEST(Batching, InstancesAreRunsAtTheSameTime) {
  PlaneFixture plane({.engine_threads = 1});
  runtime::ServingRevision revision = plane.Fake(1, R"(,"delayUs":20000000)");
  revision.instances = 3;
  revision.batching = runtime::BatchingSettings{.max_queue_size = 1};
  plane.Serve({PlaneFixture::Service("m", {revision})});
  // Three run and one waits: the fifth has no place.
  std::vector<std::unique_ptr<HttpCaller>> callers;
  for (int i = 1; i <= 4; ++i) {
    callers.push_back(std::make_unique<HttpCaller>(plane.port()));
    ASSERT_TRUE(PlaneFixture::WaitFor(
        [&] { return plane.Metric("slipway_inference_waiting_request_count") == 0; }));
    ASSERT_TRUE(callers.back()->Send(MakeRequest("POST", kInfer, Rows(1, i))).has_value());
    ASSERT_TRUE(PlaneFixture::WaitFor(
        [&] { return plane.Metric("nv_inference_pending_request_count") == i; }));
  }
  EXPECT_EQ(plane.Metric("slipway_inference_waiting_request_count"), 1);
  HttpCaller fifth(plane.port());
  EXPECT_EQ(fifth.Post(kInfer, Rows(1, 5))->status, 503);
}

TEST(Batching, LevelsOfPriority) {
  engine::EngineThreads threads(1);
  const auto level = [&](runtime::BatchingSettings batching, uint64_t priority) {
    const RevisionRuntime revision("default", "m", {.number = 1, .batching = std::move(batching)},
                                   {.cores = 1, .threads = threads, .max_queued_runs = 1});
    return revision.LevelOf(priority);
  };
  EXPECT_EQ(level({}, 0), 0u);
  EXPECT_EQ(level({}, 5), 0u);
  EXPECT_EQ(level({.priority_levels = 5}, 0), 3u) << "the middle one";
  EXPECT_EQ(level({.priority_levels = 4}, 0), 2u);
  EXPECT_EQ(level({.priority_levels = 5}, 1), 1u);
  EXPECT_EQ(level({.priority_levels = 5}, 5), 5u);
  EXPECT_EQ(level({.priority_levels = 5}, 6), 3u) << "as without one";
  EXPECT_EQ(level({.priority_levels = 5, .default_priority = 4}, 0), 4u);
}

}  // namespace
}  // namespace slipway::gateway
