// The engine openvino on small models of its formats; their numbers are looked at by system tests.
#include <unistd.h>

#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "engine/loaded_model.h"
#include "engine/plugin_host.h"
#include "engine/testing/leftovers.h"

namespace slipway::engine {
namespace {

using tensor::DataType;
using tensor::Shape;
using tensor::Tensor;

ModelSource Source(std::string_view format, std::string_view path) {
  return {.format = std::string(format),
          .path = (std::filesystem::current_path() / "tests/fixtures/models" / path).native()};
}

ModelSource Lite() {
  return Source("tflite", "frameworks/network.tflite");
}

std::unique_ptr<exec::Model> MustLoad(const ModelSource& source) {
  PluginHost host;
  auto model = host.Load(source);
  EXPECT_TRUE(model.has_value()) << model.error().ToString();
  return *std::move(model);
}

std::vector<Tensor> Zeros(const Shape& shape) {
  std::vector<Tensor> inputs(1);
  EXPECT_TRUE(inputs[0].Reset(DataType::kFp32, shape).has_value());
  std::fill_n(inputs[0].data(), inputs[0].size_bytes(), std::byte{});
  return inputs;
}

Result<std::vector<Tensor>> RunOnce(exec::Session& session, std::vector<Tensor> inputs) {
  std::vector<Tensor> outputs(1);
  const uint32_t wanted[] = {0};
  TRY_VOID(RunAndWait(session, {.inputs = inputs, .wanted = wanted, .outputs = outputs}));
  return outputs;
}

TEST(OpenVinoEngine, OneSessionTakesManyBatchSizes) {
  const auto model = MustLoad(Lite());
  EXPECT_EQ(model->platform(), "openvino");
  auto session = model->OpenSession();
  ASSERT_TRUE(session.has_value());
  for (const int64_t rows : {3, 1, 7, 3}) {
    const auto outputs = RunOnce(**session, Zeros({rows, 4}));
    ASSERT_TRUE(outputs.has_value()) << outputs.error().ToString();
    EXPECT_EQ(outputs->front().shape(), Shape({rows, 3}));
  }
}

// The host may keep outputs for as long as a slow client reads them.
TEST(OpenVinoEngine, OutputsOutliveTheNextRun) {
  const auto model = MustLoad(Lite());
  auto session = model->OpenSession();
  ASSERT_TRUE(session.has_value());
  const auto first = RunOnce(**session, Zeros({1, 4}));
  ASSERT_TRUE(first.has_value());
  const auto* values = reinterpret_cast<const float*>(first->front().data());
  const std::vector<float> before(values, values + 3);
  std::vector<Tensor> ones = Zeros({1, 4});
  std::fill_n(reinterpret_cast<float*>(ones[0].data()), 4, 1.0F);
  const auto second = RunOnce(**session, std::move(ones));
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(std::vector<float>(values, values + 3), before);
  EXPECT_NE(*reinterpret_cast<const float*>(second->front().data()), before[0]);
}

TEST(OpenVinoEngine, ARunThatIsCancelledBeforeItBeginsIsNotRun) {
  const auto model = MustLoad(Lite());
  auto session = model->OpenSession();
  ASSERT_TRUE(session.has_value());
  std::vector<Tensor> inputs = Zeros({1, 4});
  std::vector<Tensor> outputs(1);
  const uint32_t wanted[] = {0};
  const std::atomic<uint32_t> cancelled{1};
  const auto ran = RunAndWait(
      **session, {.inputs = inputs, .wanted = wanted, .outputs = outputs, .cancelled = &cancelled});
  ASSERT_TRUE(ran.has_error());
  EXPECT_EQ(ran.error().code(), Code::kCancelled);
  // An interruption that comes when nothing runs disturbs nobody.
  (*session)->Interrupt();
  EXPECT_TRUE(RunOnce(**session, std::move(inputs)).has_value());
}

// Engines stay in the process for ever; what models took must not.
TEST(Engines, ModelsThatComeAndGoLeaveNothingBehind) {
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  GTEST_SKIP() << "the sanitizers keep what was freed";
#endif
#endif
  const ModelSource sources[] = {Source("onnx", "mlp_a.onnx"), Lite(),
                                 Source("paddle", "frameworks/paddle/network.pdmodel"),
                                 Source("openvino", "frameworks/ir/network.xml")};
  PluginHost host;
  ExpectNothingIsLeftOf(host, sources);
}

}  // namespace
}  // namespace slipway::engine
