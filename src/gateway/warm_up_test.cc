#include "gateway/warm_up.h"

#include <cstring>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/testing/plane_fixture.h"

namespace slipway::gateway {
namespace {

using ::testing::HasSubstr;

// A model that fails on 13: so it tells which requests reached it.
constexpr std::string_view kFailsOn13 = R"(,"failOn":13)";

std::string Request(std::string_view first) {
  return R"({"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[)" + std::string(first) +
         ",2,3,4]}]}";
}

class WarmUpTest : public testing::Test {
 protected:
  runtime::ServingRevision WithFile(std::string_view text) {
    runtime::ServingRevision revision = plane_.Fake(1, std::string(kFailsOn13));
    Write(revision.path + "/requests.jsonl", text);
    revision.warmup = "requests.jsonl";
    return revision;
  }
  // `sample` are members of one sample of model_warmup.
  runtime::ServingRevision WithSample(const std::string& sample) {
    runtime::ServingRevision revision = plane_.Fake(1, std::string(kFailsOn13));
    revision.config =
        R"({"name":"m","max_batch_size":8,"model_warmup":[{"name":"s",)" + sample + "}]}";
    return revision;
  }
  static std::string Input(const std::string& data) {
    return R"("inputs":{"x":{"data_type":"TYPE_FP32","dims":[4],)" + data + "}}";
  }
  static void Write(const std::string& path, std::string_view text) {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << text;
  }
  // What becomes of it: "Ready", or the reason and the message.
  std::string Serve(const runtime::ServingRevision& revision) {
    plane_.Serve({PlaneFixture::Service("m", {revision})});
    const runtime::RevisionMeasurement told = plane_.plane().status().revisions.at(0);
    return told.phase == "Ready" ? told.phase : told.reason + ": " + told.message;
  }

  PlaneFixture plane_;
};

TEST_F(WarmUpTest, RequestsOfAFileRunAndAreNotCounted) {
  EXPECT_EQ(Serve(WithFile(Request("1") + "\n\n" + Request("2"))), "Ready");
  EXPECT_EQ(plane_.Metric("nv_inference_request_success"), 0);
  EXPECT_EQ(plane_.Metric("nv_inference_exec_count"), 0);
  EXPECT_EQ(plane_.Metric("nv_inference_request_failure"), 0);
}

TEST_F(WarmUpTest, OneThatFailsFailsTheRevision) {
  EXPECT_THAT(Serve(WithFile(Request("1") + "\n" + Request("13") + "\n")),
              HasSubstr("WARM_UP_FAILED: warm-up file \"requests.jsonl\", line 2: "));
}

TEST_F(WarmUpTest, OneThatIsNoRequestFailsTheRevision) {
  EXPECT_THAT(Serve(WithFile("{\"inputs\": 7}")), HasSubstr("line 1: "));
  EXPECT_THAT(Serve(WithFile("\n\n")), HasSubstr("it has no requests"));
}

TEST_F(WarmUpTest, AFileThatIsNotThereOrOutsideFailsTheRevision) {
  runtime::ServingRevision revision = WithFile("");
  revision.warmup = "other.jsonl";
  EXPECT_THAT(Serve(revision), HasSubstr("there is no file \"other.jsonl\""));
  revision = WithFile("");
  revision.uid += "x";
  revision.warmup = "link.jsonl";
  std::filesystem::create_symlink("/etc/hostname", revision.path + "/link.jsonl");
  EXPECT_THAT(Serve(revision), HasSubstr("is no file of the model's own"));
}

TEST_F(WarmUpTest, TritonsZerosAndRandomNumbersRun) {
  EXPECT_EQ(Serve(WithSample("\"batch_size\":3,\"count\":5," + Input(R"("random_data":true)"))),
            "Ready");
  EXPECT_EQ(Serve(WithSample(Input(R"("zero_data":true)"))), "Ready");
}

TEST_F(WarmUpTest, TritonsFilesAreRead) {
  const float row[] = {1, 13, 3, 4};
  std::string bytes(sizeof row, '\0');
  std::memcpy(bytes.data(), row, sizeof row);
  runtime::ServingRevision revision = WithSample(Input(R"("input_data_file":"raw")"));
  Write(revision.path + "/warmup/raw", bytes);
  EXPECT_THAT(Serve(revision), HasSubstr("WARM_UP_FAILED: warm-up sample \"s\": "));
  revision = WithSample(Input(R"("input_data_file":"short")"));
  Write(revision.path + "/warmup/short", "ab");
  EXPECT_THAT(Serve(revision), HasSubstr("input 'x': "));
}

TEST_F(WarmUpTest, SamplesThatDoNotFitTheModelFailTheRevision) {
  EXPECT_THAT(Serve(WithSample(R"("inputs":{})")), HasSubstr("warm-up sample \"s\": "));
  EXPECT_THAT(Serve(WithSample(Input(R"("zero_data":false)"))), HasSubstr("is wanted"));
  EXPECT_THAT(
      Serve(WithSample(R"("inputs":{"x":{"data_type":"TYPE_INT8","dims":[4],"zero_data":true}})")),
      HasSubstr("INT8"));
  EXPECT_THAT(
      Serve(WithSample(R"("inputs":{"y":{"data_type":"TYPE_FP32","dims":[4],"zero_data":true}})")),
      HasSubstr("'y'"));
  EXPECT_THAT(Serve(WithSample(R"("count":4000000000,)" + Input(R"("zero_data":true)"))),
              HasSubstr("count: at most 10000"));
}

TEST_F(WarmUpTest, AModelWhoseRunsNeverEndHoldsNobodyUp) {
  const auto endless = plane_.Fake(1, R"(,"loopOn":0)");
  const auto other = plane_.Fake(1);
  plane_.Serve({PlaneFixture::Service("a", {endless}), PlaneFixture::Service("b", {other})});
  EXPECT_EQ(plane_.Phase(endless.uid), "Ready");
  EXPECT_EQ(plane_.Phase(other.uid), "Ready");
}

TEST_F(WarmUpTest, ARequestThatNeverEndsEndsWithTheTime) {
  runtime::ServingRevision revision = plane_.Fake(1, R"(,"loopOn":13)");
  Write(revision.path + "/requests.jsonl", Request("1") + "\n" + Request("13"));
  revision.warmup = "requests.jsonl";
  engine::PluginHost host;
  const auto model = engine::LoadedModel::Load(
      host, {.format = "fake", .path = revision.path + "/" + revision.model_file});
  ASSERT_TRUE(model.has_value()) << model.error().ToString();
  const auto ran = WarmUp(**model, revision, {}, std::chrono::milliseconds(50));
  ASSERT_TRUE(ran.has_error());
  EXPECT_EQ(ran.error().reason(), "WARM_UP_FAILED");
  EXPECT_THAT(ran.error().message(), HasSubstr("line 2: all warm-up together took longer"));
}

}  // namespace
}  // namespace slipway::gateway
