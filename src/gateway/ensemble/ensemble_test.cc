#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "gateway/ensemble/ensemble_plan.h"
#include "gateway/limits.h"
#include "gateway/model_config/config_text.h"
#include "gateway/testing/plane_fixture.h"

namespace slipway::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kTensors =
    R"(input { name: "x" data_type: TYPE_FP32 dims: 4 }
       output { name: "y" data_type: TYPE_FP32 dims: 4 } max_batch_size: 4 )";

std::string Step(const std::string& model, const std::string& from, const std::string& to,
                 const std::string& more = "") {
  return "step { model_name: \"" + model + "\" " + more + " input_map { key: \"x\" value: \"" +
         from + "\" } output_map { key: \"y\" value: \"" + to + "\" } } ";
}

Json ConfigOf(const std::string& steps) {
  return model_config::ReadConfigText(std::string(kTensors) + "ensemble_scheduling { " + steps +
                                      "}")
      .value();
}

std::string Fault(const std::string& steps) {
  const Result<EnsemblePlan> plan = ReadEnsemblePlan(ConfigOf(steps));
  return plan.has_error() ? plan.error().ToString() : "";
}

TEST(EnsemblePlan, HasTheStepsInWhateverOrder) {
  const auto plan = ReadEnsemblePlan(
      ConfigOf(Step("b", "t", "y", "model_version: 3") + Step("a", "x", "t", "model_version: -1")));
  ASSERT_TRUE(plan.has_value()) << plan.error().ToString();
  EXPECT_EQ(plan->max_batch_size, 4u);
  EXPECT_EQ(plan->signature.inputs[0].shape.ToString(), "[-1,4]");
  ASSERT_EQ(plan->steps.size(), 2u);
  EXPECT_EQ(plan->steps[0].version, "3");
  EXPECT_EQ(plan->steps[1].version, "");
  const EnsembleTensor& between = plan->tensors[plan->steps[0].inputs[0].tensor];
  EXPECT_EQ(between.name, "t");
  EXPECT_EQ(between.step, 1u);
  EXPECT_THAT(between.readers, ElementsAre(0u));
  EXPECT_EQ(plan->tensors[plan->outputs[0]].step, 0u);
}

TEST(EnsemblePlan, RefusesWithThePathOfTheField) {
  const std::string good = Step("a", "x", "y");
  EXPECT_EQ(Fault(good), "");
  EXPECT_THAT(Fault(""), HasSubstr("ENSEMBLE_CONFIG: ensemble_scheduling.step: "));
  EXPECT_THAT(Fault(good + Step("", "x", "t")), HasSubstr("step[1].model_name: "));
  EXPECT_THAT(Fault(Step("a", "x", "y", "model_version: -2")), HasSubstr("step[0].model_version"));
  EXPECT_THAT(Fault(Step("a", "x", "y", "model_namespace: \"n\"")),
              HasSubstr("step[0].model_namespace: "));
  EXPECT_THAT(Fault(R"(step { model_name: "a" output_map { key: "y" value: "y" } })"),
              HasSubstr("step[0].input_map: "));
  EXPECT_THAT(Fault(R"(step { model_name: "a" input_map { key: "x" value: "x" } })"),
              HasSubstr("step[0].output_map: "));
  EXPECT_THAT(Fault(Step("a", "u", "y")), HasSubstr("step[0].input_map['x']: no step gives"));
  EXPECT_THAT(Fault(Step("a", "x", "x")), HasSubstr("step[0].output_map['y']: the tensor 'x'"));
  EXPECT_THAT(Fault(Step("a", "x", "")), HasSubstr("step[0].output_map['y']: "));
  EXPECT_THAT(Fault(good + Step("b", "x", "y")),
              HasSubstr("comes from ensemble_scheduling.step[0]"));
  EXPECT_THAT(Fault(Step("a", "x", "t")),
              HasSubstr("output[0].name: no step gives the tensor 'y'"));
  std::string many;
  for (size_t i = 0; i <= kMaxEnsembleRuns; ++i) many += Step("a", "x", "t" + std::to_string(i));
  EXPECT_THAT(Fault(many), HasSubstr("ENSEMBLE_TOO_LARGE"));
}

TEST(EnsemblePlan, FindsCircles) {
  EXPECT_THAT(Fault(Step("a", "y", "y")), HasSubstr("step[0] ('a') waits for step[0]: a circle"));
  // The first step is not in the circle, it waits for it.
  EXPECT_THAT(Fault(Step("a", "u", "y") + Step("b", "v", "u") + Step("c", "u", "v")),
              HasSubstr("step[1] ('b') waits for step[2] ('c') waits for step[1]: a circle"));
}

TEST(EnsemblePlan, NeedsWholeTensors) {
  const auto fault = [](const std::string& tensors) {
    const Json config =
        model_config::ReadConfigText(tensors + "ensemble_scheduling { " + Step("a", "x", "y") + "}")
            .value();
    const auto plan = ReadEnsemblePlan(config);
    return plan.has_error() ? plan.error().message() : "";
  };
  const std::string input = R"(input { name: "x" data_type: TYPE_FP32 dims: 4 } )";
  EXPECT_THAT(fault(input), HasSubstr("output: "));
  EXPECT_THAT(fault(input + R"(output { name: "y" dims: 4 } )"), HasSubstr("output[0].data_type"));
  EXPECT_THAT(fault(input + R"(output { name: "y" data_type: TYPE_FP32 } )"),
              HasSubstr("output[0].dims"));
}

class EnsembleTest : public ::testing::Test {
 protected:
  runtime::ServingRevision Ensemble(const std::string& steps) {
    return {.number = 1,
            .uid = "ensemble-" + std::to_string(++count_),
            .format = std::string(kEnsemble),
            .path = "/nowhere",
            .model_file = "config.pbtxt",
            .config = DumpJson(ConfigOf(steps))};
  }
  int count_ = 0;
  PlaneFixture plane_;
};

TEST_F(EnsembleTest, WaitsForModelsThatAreStillToBeLoaded) {
  // Listed first, and its model takes a while.
  const auto ensemble = Ensemble(Step("late", "x", "y"));
  plane_.Serve({PlaneFixture::Service("ensemble", {ensemble}),
                PlaneFixture::Service("late", {plane_.Fake(1, R"(,"loadDelayUs":50000)")})});
  EXPECT_EQ(plane_.Phase(ensemble.uid), "Ready");
  HttpCaller caller(plane_.port());
  const auto answer = caller.Post("/v2/models/ensemble/infer", kFourFloats).value();
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_THAT(answer.body, HasSubstr("[1.0,2.5,-3.0,4.0]"));
}

TEST_F(EnsembleTest, FailsWithItsModel) {
  const auto ensemble = Ensemble(Step("bad", "x", "y"));
  plane_.Serve({PlaneFixture::Service("ensemble", {ensemble}),
                PlaneFixture::Service("bad", {plane_.Fake(1, R"(,"failLoad":"no luck")")})});
  EXPECT_EQ(plane_.Phase(ensemble.uid), "Failed: ENSEMBLE_MEMBER");
}

TEST_F(EnsembleTest, MembersAreUnloadedOnlyAfterItsRequests) {
  const auto slow = plane_.Fake(1, R"(,"delayUs":300000)");
  const auto first = plane_.Fake(1);
  const auto ensemble = Ensemble(Step("slow", "x", "t") + Step("last", "t", "y"));
  const auto service = [&](const runtime::ServingRevision& last) {
    return std::vector{PlaneFixture::Service("ensemble", {ensemble}),
                       PlaneFixture::Service("slow", {slow}),
                       PlaneFixture::Service("last", {last})};
  };
  plane_.Serve(service(first));
  std::jthread asking([&] {
    HttpCaller caller(plane_.port());
    const auto answer = caller.Post("/v2/models/ensemble/infer", kFourFloats).value();
    EXPECT_EQ(answer.status, 200) << answer.body;
  });
  // The request is under way in its first step: its last one's model goes, and is waited for.
  ASSERT_TRUE(PlaneFixture::WaitFor(
      [&] { return plane_.Metric("nv_inference_pending_request_count", "slow") == 1; }));
  plane_.Serve(service(plane_.Fake(2)));
  asking.join();
  EXPECT_TRUE(PlaneFixture::WaitFor([&] { return plane_.Phase(first.uid).empty(); }));
}

TEST_F(EnsembleTest, EndsItsStepsWithTheClient) {
  const std::string hang = R"(,"delayUs":60000000)";
  plane_.Serve({PlaneFixture::Service("left", {plane_.Fake(1, hang)}),
                PlaneFixture::Service("right", {plane_.Fake(1, hang)}),
                PlaneFixture::Service("ensemble",
                                      {Ensemble(Step("left", "x", "t") + Step("right", "x", "y") +
                                                Step("left", "t", "u"))})});
  const auto pending = [&](const std::string& model) {
    return plane_.Metric("nv_inference_pending_request_count", "model=\"" + model + "\"");
  };
  HttpCaller caller(plane_.port());
  ASSERT_TRUE(caller.Send(MakeRequest("POST", "/v2/models/ensemble/infer", kFourFloats)));
  ASSERT_TRUE(PlaneFixture::WaitFor([&] { return pending("right") == 1; }));
  // Nobody wants what the other two give.
  EXPECT_EQ(pending("left"), 0);
  caller.Close();
  EXPECT_TRUE(PlaneFixture::WaitFor([&] {
    return pending("right") == 0 &&
           plane_.Metric("nv_inference_request_failure", "model=\"ensemble\"") == 1;
  }));
}

TEST_F(EnsembleTest, AnErrorEndsTheOtherSteps) {
  const auto hang = plane_.Fake(1, R"(,"delayUs":60000000)");
  // It fails on the engine threads, while the other one runs there.
  const auto fails = plane_.Fake(1, R"(,"delayUs":20000,"failOn":1)");
  auto ensemble = Ensemble(Step("fails", "x", "t") + Step("hang", "x", "u") +
                           R"(step { model_name: "pair" input_map { key: "a" value: "t" }
                              input_map { key: "b" value: "u" }
                              output_map { key: "y" value: "y" } })");
  auto pair = plane_.Fake(1);
  std::ofstream(std::filesystem::path(pair.path) / pair.model_file)
      << R"({"inputs":[{"name":"a","datatype":"FP32","shape":[-1,4]},)"
      << R"({"name":"b","datatype":"FP32","shape":[-1,4]}],)"
      << R"("outputs":[{"name":"y","datatype":"FP32","shape":[-1,4]}]})";
  plane_.Serve({PlaneFixture::Service("fails", {fails}), PlaneFixture::Service("hang", {hang}),
                PlaneFixture::Service("pair", {pair}),
                PlaneFixture::Service("ensemble", {ensemble})});
  HttpCaller caller(plane_.port());
  const auto answer = caller.Post("/v2/models/ensemble/infer", kFourFloats).value();
  EXPECT_EQ(answer.status, 500);
  EXPECT_THAT(answer.body, HasSubstr("in ensemble 'ensemble', step[0] ('fails'): "));
  EXPECT_EQ(plane_.Metric("nv_inference_pending_request_count", "model=\"hang\""), 0);
}

}  // namespace
}  // namespace slipway::gateway
