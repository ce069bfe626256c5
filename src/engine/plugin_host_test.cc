#include "engine/plugin_host.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <thread>

#include <gtest/gtest.h>

#include "engine/loaded_model.h"

namespace slipway::engine {
namespace {

using tensor::DataType;
using tensor::Shape;
using tensor::Tensor;

std::string Fixture(std::string_view name) {
  return (std::filesystem::current_path() / "tests/fixtures/models" / name).native();
}

// A fake model in a file of its own, which goes with it.
class FakeFile {
 public:
  explicit FakeFile(std::string_view json) {
    path_ = (std::filesystem::temp_directory_path() /
             ("fake-" + std::to_string(getpid()) + "-" + std::to_string(next_++) + ".json"))
                .native();
    std::ofstream(path_) << json;
  }
  ~FakeFile() { std::filesystem::remove(path_); }
  ModelSource source() const { return {.format = "fake", .path = path_}; }

 private:
  static inline int next_ = 0;
  std::string path_;
};

constexpr std::string_view kTensors =
    R"("inputs":[{"name":"x","datatype":"FP32","shape":[-1,4]}],
       "outputs":[{"name":"y","datatype":"FP32","shape":[-1,4]}])";

std::unique_ptr<exec::Model> MustLoad(const ModelSource& source) {
  PluginHost host;
  auto model = host.Load(source);
  EXPECT_TRUE(model.has_value()) << model.error().ToString();
  return *std::move(model);
}

std::unique_ptr<exec::Model> MustLoadOnnx(std::string_view name) {
  return MustLoad({.format = "onnx", .path = Fixture(name)});
}

Error LoadFailure(const ModelSource& source) {
  PluginHost host;
  auto model = host.Load(source);
  EXPECT_TRUE(model.has_error());
  return model.error();
}

Tensor Floats(const Shape& shape, const std::vector<float>& values) {
  Tensor tensor;
  EXPECT_TRUE(tensor.Reset(DataType::kFp32, shape).has_value());
  std::copy(values.begin(), values.end(), reinterpret_cast<float*>(tensor.data()));
  return tensor;
}

// Runs all outputs of a model, in a session of its own or the given one.
Result<std::vector<Tensor>> RunAll(exec::Model& model, std::vector<Tensor>& inputs,
                                   exec::Session* session = nullptr) {
  std::unique_ptr<exec::Session> own;
  if (session == nullptr) {
    TRY(opened, model.OpenSession());
    own = std::move(opened);
    session = own.get();
  }
  std::vector<Tensor> outputs(model.signature().outputs.size());
  std::vector<uint32_t> wanted(outputs.size());
  std::iota(wanted.begin(), wanted.end(), 0);
  TRY_VOID(RunAndWait(*session, {.inputs = inputs, .wanted = wanted, .outputs = outputs}));
  // Outputs that show memory of the session are copied before it goes.
  for (Tensor& output : outputs) {
    if (output.type() == DataType::kBytes) continue;
    Tensor copy;
    TRY_VOID(copy.Reset(output.type(), output.shape()));
    std::memcpy(copy.data(), output.data(), output.size_bytes());
    output = std::move(copy);
  }
  return outputs;
}

TEST(PluginHost, NamesFormatsThatHaveNoEngine) {
  const Error error = LoadFailure({.format = "pmml", .path = "/nothing"});
  EXPECT_EQ(error.code(), Code::kUnimplemented);
  EXPECT_EQ(error.reason(), "FORMAT_UNSUPPORTED");
  EXPECT_NE(error.message().find("onnx"), std::string::npos);
}

TEST(PluginHost, KnowsWhatRunsElsewhere) {
  EXPECT_FALSE(RunsElsewhere("onnx", false));
  EXPECT_TRUE(RunsElsewhere("onnx", true));
  for (const char* format : {"python", "pickle", "joblib", "xgboost", "mlflow", "v2"}) {
    EXPECT_TRUE(RunsElsewhere(format, false)) << format;
  }
}

TEST(PluginHost, SaysWhichPluginIsMissing) {
  PluginHost host("/nowhere");
  const auto model = host.Load({.format = "onnx", .path = Fixture("identity.onnx")});
  ASSERT_TRUE(model.has_error());
  EXPECT_EQ(model.error().reason(), "ENGINE_MISSING");
  EXPECT_NE(model.error().message().find("/nowhere/engine_onnxruntime.so"), std::string::npos);
}

TEST(PluginHost, SaysHowToGetTheEngineThatIsBuiltWhenAskedFor) {
  PluginHost host("/nowhere");
  for (const std::string format : {"torchscript", "pytorch"}) {
    const auto model = host.Load({.format = format, .path = "/model.pt"});
    ASSERT_TRUE(model.has_error());
    EXPECT_EQ(model.error().reason(), "ENGINE_MISSING");
    EXPECT_NE(model.error().message().find("make torch"), std::string::npos);
  }
}

TEST(PluginHost, RefusesAPluginOfAnotherBuild) {
  SlipwayEngine engine{};
  engine.build_id = "0123";
  const auto checked = CheckBuild(engine, "engine_old.so");
  ASSERT_TRUE(checked.has_error());
  EXPECT_EQ(checked.error().reason(), "ENGINE_BUILD");
}

TEST(FakeEngine, AnswersWithItsInput) {
  const FakeFile file("{" + std::string(kTensors) + "}");
  const auto model = MustLoad(file.source());
  EXPECT_EQ(model->platform(), "slipway_fake");
  std::vector<Tensor> inputs;
  inputs.push_back(Floats({1, 4}, {1, 2, 3, 4}));
  const auto outputs = RunAll(*model, inputs);
  ASSERT_TRUE(outputs.has_value());
  EXPECT_EQ((*outputs)[0].shape(), (Shape{1, 4}));
  EXPECT_EQ((*outputs)[0].as<float>()[3], 4);
}

TEST(FakeEngine, CarriesStrings) {
  const FakeFile file(R"({"inputs":[{"name":"s","datatype":"BYTES","shape":[-1]}],
                          "outputs":[{"name":"t","datatype":"BYTES","shape":[-1]}]})");
  const auto model = MustLoad(file.source());
  std::vector<Tensor> inputs(1);
  ASSERT_TRUE(inputs[0].Reset(DataType::kBytes, {2}).has_value());
  inputs[0].AppendString(std::string_view("a\0b", 3));
  inputs[0].AppendString("");
  inputs[0].SealStrings();
  const auto outputs = RunAll(*model, inputs);
  ASSERT_TRUE(outputs.has_value());
  ASSERT_EQ((*outputs)[0].strings().size(), 2u);
  EXPECT_EQ((*outputs)[0].strings()[0], std::string_view("a\0b", 3));
}

TEST(FakeEngine, FailsAsItsFileSays) {
  const FakeFile load("{" + std::string(kTensors) + R"(,"failLoad":"no luck"})");
  EXPECT_EQ(LoadFailure(load.source()).message(), "no luck");
  const FakeFile run("{" + std::string(kTensors) + R"(,"failRun":"no luck"})");
  const auto model = MustLoad(run.source());
  std::vector<Tensor> inputs;
  inputs.push_back(Floats({1, 4}, {1, 2, 3, 4}));
  const auto outputs = RunAll(*model, inputs);
  ASSERT_TRUE(outputs.has_error());
  EXPECT_EQ(outputs.error().code(), Code::kInternal);
  EXPECT_EQ(outputs.error().message(), "no luck");
}

TEST(FakeEngine, RefusesAFileThatIsNoModel) {
  const FakeFile file(R"({"inputs":[]})");
  EXPECT_EQ(LoadFailure(file.source()).code(), Code::kInvalidArgument);
}

TEST(FakeEngine, CompletesOnItsOwnThread) {
  const FakeFile file("{" + std::string(kTensors) + R"(,"asynchronous":true,"delayUs":1000})");
  const auto model = MustLoad(file.source());
  EXPECT_FALSE(model->completes_in_call());
  std::vector<Tensor> inputs;
  inputs.push_back(Floats({1, 4}, {1, 2, 3, 4}));
  ASSERT_TRUE(RunAll(*model, inputs).has_value());
}

TEST(FakeEngine, MoreThanOneResponseIsRefused) {
  const FakeFile file("{" + std::string(kTensors) + R"(,"responses":3})");
  const auto model = MustLoad(file.source());
  std::vector<Tensor> inputs;
  inputs.push_back(Floats({1, 4}, {1, 2, 3, 4}));
  const auto outputs = RunAll(*model, inputs);
  ASSERT_TRUE(outputs.has_error());
  EXPECT_EQ(outputs.error().reason(), "MODEL_DECOUPLED");
}

TEST(FakeEngine, EndsEarlyWhenInterruptedOrLate) {
  const FakeFile file("{" + std::string(kTensors) + R"(,"delayUs":60000000})");
  const auto model = MustLoad(file.source());
  auto session = model->OpenSession();
  ASSERT_TRUE(session.has_value());
  std::vector<Tensor> inputs;
  inputs.push_back(Floats({1, 4}, {1, 2, 3, 4}));
  std::vector<Tensor> outputs(1);
  const uint32_t wanted[] = {0};
  exec::Run run{.inputs = inputs, .wanted = wanted, .outputs = outputs};

  std::atomic<uint32_t> cancelled{0};
  run.cancelled = &cancelled;
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    cancelled = 1;
  });
  EXPECT_EQ(RunAndWait(**session, run).error().code(), Code::kCancelled);
  other.join();

  cancelled = 0;
  run.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
  EXPECT_EQ(RunAndWait(**session, run).error().code(), Code::kDeadlineExceeded);
}

TEST(OnnxEngine, RunsAnIdentity) {
  const auto model = MustLoadOnnx("identity.onnx");
  EXPECT_EQ(model->platform(), "onnxruntime_onnx");
  ASSERT_EQ(model->signature().inputs.size(), 1u);
  EXPECT_EQ(model->signature().inputs[0].type, DataType::kFp32);
  std::vector<Tensor> inputs;
  inputs.push_back(Floats({1, 4}, {1, 2, 3, 4}));
  const auto outputs = RunAll(*model, inputs);
  ASSERT_TRUE(outputs.has_value()) << outputs.error().ToString();
  EXPECT_EQ((*outputs)[0].as<float>()[2], 3);
}

TEST(OnnxEngine, OneSessionTakesManyBatchSizes) {
  const auto model = MustLoadOnnx("dynamic_batch.onnx");
  auto session = model->OpenSession();
  ASSERT_TRUE(session.has_value());
  const auto width = static_cast<size_t>(model->signature().inputs[0].shape[1]);
  for (int64_t batch : {1, 3, 1, 0, 2}) {
    std::vector<Tensor> inputs;
    inputs.push_back(Floats({batch, static_cast<int64_t>(width)},
                            std::vector<float>(static_cast<size_t>(batch) * width, 2)));
    const auto outputs = RunAll(*model, inputs, session->get());
    ASSERT_TRUE(outputs.has_value()) << outputs.error().ToString();
    EXPECT_EQ((*outputs)[0].shape()[0], batch);
  }
}

TEST(OnnxEngine, AllTypesComeBack) {
  const auto model = MustLoadOnnx("all_types.onnx");
  const tensor::Signature& signature = model->signature();
  std::vector<Tensor> inputs(signature.inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    ASSERT_TRUE(inputs[i].Reset(signature.inputs[i].type, signature.inputs[i].shape).has_value());
    if (inputs[i].type() == DataType::kBytes) {
      inputs[i].AppendString("a");
      inputs[i].AppendString("b");
      inputs[i].SealStrings();
    } else {
      std::memset(inputs[i].data(), 1, inputs[i].size_bytes());
    }
  }
  const auto outputs = RunAll(*model, inputs);
  ASSERT_TRUE(outputs.has_value()) << outputs.error().ToString();
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Tensor& output = (*outputs)[i];
    EXPECT_EQ(output.type(), inputs[i].type());
    EXPECT_EQ(output.shape(), inputs[i].shape());
    if (output.type() == DataType::kBytes) {
      EXPECT_EQ(output.strings()[1], "b");
    } else {
      EXPECT_EQ(std::memcmp(output.data(), inputs[i].data(), output.size_bytes()), 0);
    }
  }
}

TEST(OnnxEngine, CarriesStringsWithZeroBytes) {
  const auto model = MustLoadOnnx("string_identity.onnx");
  std::vector<Tensor> inputs(1);
  Shape shape = model->signature().inputs[0].shape;
  for (size_t d = 0; d < shape.rank(); ++d) shape.Set(d, d == 0 ? 2 : 1);
  ASSERT_TRUE(inputs[0].Reset(DataType::kBytes, shape).has_value());
  inputs[0].AppendString(std::string_view("x\0y", 3));
  inputs[0].AppendString("");
  inputs[0].SealStrings();
  const auto outputs = RunAll(*model, inputs);
  ASSERT_TRUE(outputs.has_value()) << outputs.error().ToString();
  EXPECT_EQ((*outputs)[0].strings()[0], std::string_view("x\0y", 3));
  EXPECT_EQ((*outputs)[0].strings()[1], "");
}

TEST(OnnxEngine, RankZeroAndUnknownRanks) {
  const auto scalar = MustLoadOnnx("scalar.onnx");
  std::vector<Tensor> inputs;
  inputs.push_back(Floats({}, {7}));
  const auto seven = RunAll(*scalar, inputs);
  ASSERT_TRUE(seven.has_value()) << seven.error().ToString();
  EXPECT_EQ((*seven)[0].shape().rank(), 0u);
  EXPECT_EQ((*seven)[0].as<float>()[0], 7);

  const auto reshape = MustLoadOnnx("reshape_to_shape.onnx");
  inputs.clear();
  inputs.push_back(Floats({4}, {1, 2, 3, 4}));
  Tensor to;
  ASSERT_TRUE(to.Reset(DataType::kInt64, {2}).has_value());
  to.as<int64_t>()[0] = 2;
  to.as<int64_t>()[1] = 2;
  inputs.push_back(std::move(to));
  const auto square = RunAll(*reshape, inputs);
  ASSERT_TRUE(square.has_value()) << square.error().ToString();
  EXPECT_EQ((*square)[0].shape(), (Shape{2, 2}));

  inputs[1].as<int64_t>()[0] = 3;
  const auto wrong = RunAll(*reshape, inputs);
  ASSERT_TRUE(wrong.has_error());
  EXPECT_EQ(wrong.error().reason(), "RUN_FAILED");
}

TEST(OnnxEngine, RunsOnlyWhatIsWanted) {
  const auto model = MustLoadOnnx("all_types.onnx");
  auto session = model->OpenSession();
  std::vector<Tensor> inputs(model->signature().inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    const auto& spec = model->signature().inputs[i];
    ASSERT_TRUE(inputs[i].Reset(spec.type, spec.shape).has_value());
    if (spec.type == DataType::kBytes) {
      inputs[i].AppendString("");
      inputs[i].AppendString("");
      inputs[i].SealStrings();
    } else {
      std::memset(inputs[i].data(), 0, inputs[i].size_bytes());
    }
  }
  std::vector<Tensor> outputs(1);
  const uint32_t wanted[] = {2};
  ASSERT_TRUE(
      RunAndWait(**session, {.inputs = inputs, .wanted = wanted, .outputs = outputs}).has_value());
  EXPECT_EQ(outputs[0].type(), model->signature().outputs[2].type);
}

TEST(OnnxEngine, InterruptsALongRun) {
  const auto model = MustLoadOnnx("slow_loop.onnx");
  auto session = model->OpenSession();
  ASSERT_TRUE(session.has_value());
  std::vector<Tensor> inputs;
  inputs.push_back(Floats({1, 4}, {1, 2, 3, 4}));
  Tensor iterations;
  ASSERT_TRUE(iterations.Reset(DataType::kInt64, {}).has_value());
  iterations.as<int64_t>()[0] = int64_t{1} << 40;
  inputs.push_back(std::move(iterations));
  std::vector<Tensor> outputs(1);
  const uint32_t wanted[] = {0};
  std::atomic<uint32_t> cancelled{0};
  const exec::Run run{
      .inputs = inputs, .wanted = wanted, .outputs = outputs, .cancelled = &cancelled};
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    cancelled = 1;
    (*session)->Interrupt();
  });
  EXPECT_EQ(RunAndWait(**session, run).error().code(), Code::kCancelled);
  other.join();

  // The session is as good as new.
  cancelled = 0;
  inputs[1].as<int64_t>()[0] = 3;
  ASSERT_TRUE(RunAndWait(**session, run).has_value());
  EXPECT_EQ(outputs[0].as<float>()[3], 4);
}

TEST(OnnxEngine, ReadsWeightsBesideTheModel) {
  const auto model = MustLoadOnnx("external_data/model.onnx");
  EXPECT_FALSE(model->signature().inputs.empty());
}

TEST(OnnxEngine, OldDefaultsAreNoInputs) {
  const auto model = MustLoadOnnx("initializer_as_input.onnx");
  EXPECT_EQ(model->signature().inputs.size(), 1u);
}

TEST(OnnxEngine, RefusesWhatItCannotServe) {
  const Error sequence = LoadFailure({.format = "onnx", .path = Fixture("sequence_output.onnx")});
  EXPECT_EQ(sequence.code(), Code::kUnimplemented);
  EXPECT_EQ(sequence.reason(), "MODEL_KIND");
  EXPECT_NE(sequence.message().find("zipmap"), std::string::npos);
  for (const char* name : {"not_a_model.onnx", "truncated.onnx", "unknown_operator.onnx"}) {
    const Error error = LoadFailure({.format = "onnx", .path = Fixture(name)});
    EXPECT_EQ(error.reason(), "MODEL_INVALID") << name;
    EXPECT_NE(error.message().find(name), std::string::npos);
    EXPECT_EQ(error.message().find(std::filesystem::current_path().native()), std::string::npos)
        << error.message();
  }
  EXPECT_EQ(LoadFailure({.format = "onnx", .path = "/nowhere/m.onnx"}).code(), Code::kNotFound);
}

TEST(LoadedModel, LearnsItsCostWhileItWarmsUp) {
  PluginHost host;
  auto loaded =
      LoadedModel::Load(host, {.format = "onnx", .path = Fixture("identity.onnx"), .threads = 1});
  ASSERT_TRUE(loaded.has_value()) << loaded.error().ToString();
  const auto cost = (*loaded)->cost().Predict(4);
  ASSERT_TRUE(cost);
  EXPECT_LT(*cost, std::chrono::milliseconds(100));
}

TEST(LoadedModel, ARunThatGetsNoMemoryFailsTheLoad) {
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  GTEST_SKIP() << "the sanitizers end the program where operator new would throw";
#endif
  PluginHost host;
  const auto loaded =
      LoadedModel::Load(host, {.format = "onnx", .path = Fixture("out_of_memory.onnx")});
  ASSERT_TRUE(loaded.has_error());
  EXPECT_EQ(loaded.error().reason(), "WARM_UP_FAILED");
  EXPECT_EQ(loaded.error().code(), Code::kFailedPrecondition);
  EXPECT_NE(loaded.error().message().find("std::bad_alloc"), std::string::npos)
      << loaded.error().message();
}

TEST(LoadedModel, WhatNoInputCanMendFailsTheLoad) {
  PluginHost host;
  const FakeFile fake("{" + std::string(kTensors) +
                      R"(,"failRun":"no luck","failRunReason":"OUT_OF_MEMORY"})");
  const auto other = LoadedModel::Load(host, fake.source());
  ASSERT_TRUE(other.has_error());
  EXPECT_EQ(other.error().reason(), "WARM_UP_FAILED");
}

TEST(LoadedModel, WhatRealInputMayMendIsToldOnly) {
  PluginHost host;
  const auto loaded =
      LoadedModel::Load(host, {.format = "onnx", .path = Fixture("not_with_zeros.onnx")});
  ASSERT_TRUE(loaded.has_value()) << loaded.error().ToString();
  ASSERT_TRUE((*loaded)->warm_up_failure());
  EXPECT_EQ((*loaded)->warm_up_failure()->reason(), "WARM_UP_FAILED");
  EXPECT_NE((*loaded)->warm_up_failure()->message().find("Reshape"), std::string::npos);
  const auto good = LoadedModel::Load(host, {.format = "onnx", .path = Fixture("identity.onnx")});
  ASSERT_TRUE(good.has_value());
  EXPECT_FALSE((*good)->warm_up_failure());
}

}  // namespace
}  // namespace slipway::engine
