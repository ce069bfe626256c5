// The engine for TorchScript on small models, where `make torch` brought it. What they are stands
// in tests/fixtures/make_torch_models.py.
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/loaded_model.h"
#include "engine/plugin_host.h"
#include "engine/testing/leftovers.h"

namespace slipway::engine {
namespace {

namespace fs = std::filesystem;
using tensor::DataType;
using tensor::Shape;
using tensor::Tensor;

constexpr char kOneFloat[] = "[{name: x, dtype: float32, shape: [-1, 2]}]";

fs::path Fixture(const std::string& name) {
  return fs::current_path() / "tests/fixtures/models/torch" / name;
}

std::string Statement(const std::string& method, const std::string& inputs,
                      const std::string& outputs) {
  return "signature: {inputs: " + inputs + ", outputs: " + outputs +
         "}\nextensions: {torchscript: {method: " + method + "}}\n";
}

class TorchEngine : public testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(DefaultPluginFolder() + "/engine_torch.so")) {
      GTEST_SKIP() << "`make torch` has not built the engine for TorchScript";
    }
    folder_ = fs::temp_directory_path() / ("slipway_torch_" + std::to_string(getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override {
    if (!folder_.empty()) fs::remove_all(folder_);
  }

  // methods.pt with a model.yaml of this text beside it.
  ModelSource Methods(const std::string& statement) {
    fs::copy_file(Fixture("methods.pt"), folder_ / "model.pt",
                  fs::copy_options::overwrite_existing);
    std::ofstream(folder_ / "model.yaml") << statement;
    return {.format = "torchscript", .path = (folder_ / "model.pt").native()};
  }

  std::unique_ptr<exec::Model> MustLoad(const ModelSource& source) {
    auto model = host_.Load(source);
    EXPECT_TRUE(model.has_value()) << model.error().ToString();
    return model.has_value() ? *std::move(model) : nullptr;
  }

  Error LoadFailure(const ModelSource& source) {
    auto model = host_.Load(source);
    EXPECT_TRUE(model.has_error());
    return model.error();
  }

  fs::path folder_;
  PluginHost host_;
};

Tensor Floats(const Shape& shape, const std::vector<float>& values) {
  Tensor tensor;
  EXPECT_TRUE(tensor.Reset(DataType::kFp32, shape).has_value());
  std::copy(values.begin(), values.end(), reinterpret_cast<float*>(tensor.data()));
  return tensor;
}

std::vector<float> Values(const Tensor& tensor) {
  const auto* values = reinterpret_cast<const float*>(tensor.data());
  return {values, values + tensor.size_bytes() / sizeof(float)};
}

Result<std::vector<Tensor>> RunAll(exec::Model& model, exec::Session& session,
                                   std::vector<Tensor>& inputs) {
  std::vector<Tensor> outputs(model.signature().outputs.size());
  std::vector<uint32_t> wanted(outputs.size());
  for (uint32_t i = 0; i < wanted.size(); ++i) wanted[i] = i;
  TRY_VOID(RunAndWait(session, {.inputs = inputs, .wanted = wanted, .outputs = outputs}));
  return outputs;
}

Result<std::vector<Tensor>> RunOnce(exec::Model& model, std::vector<Tensor>& inputs) {
  TRY(session, model.OpenSession());
  return RunAll(model, *session, inputs);
}

std::vector<Tensor> Row(const std::vector<float>& values) {
  std::vector<Tensor> inputs;
  inputs.push_back(Floats({1, static_cast<int64_t>(values.size())}, values));
  return inputs;
}

TEST_F(TorchEngine, ComputesWithTheArchivesWeightsForAnyBatch) {
  const auto model = MustLoad({.format = "torchscript", .path = Fixture("network.pt").native()});
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->platform(), "pytorch_libtorch");
  ASSERT_EQ(model->signature().inputs.size(), 1U);
  EXPECT_EQ(model->signature().inputs[0].name, "x");
  EXPECT_EQ(model->signature().outputs[0].name, "logits");
  auto session = model->OpenSession();
  ASSERT_TRUE(session.has_value());
  for (const int64_t rows : {3, 1, 7, 3}) {
    std::vector<float> ones(static_cast<size_t>(rows) * 4, 1.0F);
    std::vector<Tensor> inputs;
    inputs.push_back(Floats({rows, 4}, ones));
    const auto outputs = RunAll(*model, **session, inputs);
    ASSERT_TRUE(outputs.has_value()) << outputs.error().ToString();
    EXPECT_EQ(outputs->front().shape(), Shape({rows, 3}));
    // Sums of the columns of the weights, and the bias: exact in binary.
    const std::vector<float> row = Values(outputs->front());
    EXPECT_EQ(std::vector<float>(row.end() - 3, row.end()),
              (std::vector<float>{2.875F, 1.0F, 1.375F}));
  }
}

TEST_F(TorchEngine, GivesTuplesListsAndDictionariesAsOutputs) {
  const std::string two =
      "[{name: more, dtype: FP32, shape: [-1, 2]}, "
      "{name: less, dtype: FP32, shape: [-1, 2]}]";
  for (const std::string method : {"named", "listed"}) {
    const auto model = MustLoad(Methods(Statement(method, kOneFloat, two)));
    ASSERT_NE(model, nullptr);
    std::vector<Tensor> inputs = Row({5, 7});
    const auto outputs = RunOnce(*model, inputs);
    ASSERT_TRUE(outputs.has_value()) << outputs.error().ToString();
    const bool named = method == "named";
    EXPECT_EQ(Values((*outputs)[0]),
              named ? std::vector<float>({6, 8}) : std::vector<float>({5, 7}));
    EXPECT_EQ(Values((*outputs)[1]),
              named ? std::vector<float>({4, 6}) : std::vector<float>({-5, -7}));
  }
  // Arguments go by their names, whatever the order; outputs without a name by their position.
  const auto model = MustLoad(Methods(Statement(
      "pair",
      "[{name: y, dtype: float32, shape: [-1, 2]}, {name: x, dtype: float32, shape: [-1, 2]}]",
      "[{dtype: float32, shape: [-1, 2]}, {dtype: float32, shape: [-1, 2]}]")));
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->signature().outputs[1].name, "output_1");
  std::vector<Tensor> inputs = Row({1, 2});
  inputs.push_back(Floats({1, 2}, {10, 30}));
  const auto outputs = RunOnce(*model, inputs);
  ASSERT_TRUE(outputs.has_value()) << outputs.error().ToString();
  EXPECT_EQ(Values((*outputs)[1]), std::vector<float>({9, 28}));
}

TEST_F(TorchEngine, TakesNumbersAsArgumentsAndLeavesTheRestToTheirDefaults) {
  const auto model = MustLoad(Methods(Statement(
      "scaled",
      "[{name: x, dtype: float32, shape: [-1, 2]}, {name: times, dtype: int64, shape: [1]}]",
      kOneFloat)));
  ASSERT_NE(model, nullptr);
  std::vector<Tensor> inputs = Row({1, 2});
  inputs.emplace_back();
  ASSERT_TRUE(inputs[1].Reset(DataType::kInt64, Shape({1})).has_value());
  *reinterpret_cast<int64_t*>(inputs[1].data()) = 3;
  const auto outputs = RunOnce(*model, inputs);
  ASSERT_TRUE(outputs.has_value()) << outputs.error().ToString();
  EXPECT_EQ(Values((*outputs)[0]), std::vector<float>({3.5F, 6.5F}));
}

TEST_F(TorchEngine, GivesEveryTypeBack) {
  for (uint32_t number = 1; tensor::DataTypeFromNumber(number); ++number) {
    const DataType type = *tensor::DataTypeFromNumber(number);
    if (type == DataType::kBytes) continue;
    const std::string name(tensor::DataTypeName(type));
    const std::string tensors = "[{name: x, dtype: " + name + ", shape: [-1, 3]}]";
    const auto model = MustLoad(Methods(Statement("forward", tensors, tensors)));
    ASSERT_NE(model, nullptr) << name;
    std::vector<Tensor> inputs(1);
    ASSERT_TRUE(inputs[0].Reset(type, Shape({1, 3})).has_value());
    for (size_t i = 0; i < inputs[0].size_bytes(); ++i) {
      inputs[0].data()[i] = static_cast<std::byte>(i % 2);
    }
    const auto outputs = RunOnce(*model, inputs);
    ASSERT_TRUE(outputs.has_value()) << name << outputs.error().ToString();
    EXPECT_EQ((*outputs)[0].type(), type);
    EXPECT_EQ(std::memcmp((*outputs)[0].data(), inputs[0].data(), inputs[0].size_bytes()), 0)
        << name;
  }
}

TEST_F(TorchEngine, SaysWhatTheModelSaysWhenItFails) {
  const auto model = MustLoad(Methods(Statement("fails", kOneFloat, kOneFloat)));
  ASSERT_NE(model, nullptr);
  std::vector<Tensor> inputs;
  inputs.push_back(Floats({2, 2}, {1, 2, 3, 4}));
  const auto failed = RunOnce(*model, inputs);
  ASSERT_TRUE(failed.has_error());
  EXPECT_EQ(failed.error().reason(), "RUN_FAILED");
  EXPECT_NE(failed.error().message().find("one row at a time"), std::string::npos)
      << failed.error().message();
  inputs = Row({1, 2});
  EXPECT_TRUE(RunOnce(*model, inputs).has_value());
}

TEST_F(TorchEngine, OutputsOtherThanStatedFail) {
  const auto model = MustLoad(Methods(Statement("grows", kOneFloat, kOneFloat)));
  ASSERT_NE(model, nullptr);
  std::vector<Tensor> inputs = Row({1, 2});
  const auto failed = RunOnce(*model, inputs);
  ASSERT_TRUE(failed.has_error());
  EXPECT_NE(failed.error().message().find("output 'x'"), std::string::npos)
      << failed.error().message();
}

TEST_F(TorchEngine, ModelsChangeNeitherInputsNorEachOther) {
  auto model = MustLoad(Methods(Statement("overwrites", kOneFloat, kOneFloat)));
  ASSERT_NE(model, nullptr);
  std::vector<Tensor> inputs = Row({1, 2});
  ASSERT_TRUE(RunOnce(*model, inputs).has_value());
  EXPECT_EQ(Values(inputs[0]), std::vector<float>({1, 2}));
  // Attributes are the session's own.
  model = MustLoad(Methods(Statement("counts", kOneFloat, kOneFloat)));
  ASSERT_NE(model, nullptr);
  auto first = model->OpenSession();
  auto second = model->OpenSession();
  ASSERT_TRUE(first.has_value() && second.has_value());
  for (const float count : {1.0F, 2.0F, 3.0F}) {
    const auto outputs = RunAll(*model, **first, inputs);
    ASSERT_TRUE(outputs.has_value()) << outputs.error().ToString();
    EXPECT_EQ(Values((*outputs)[0]), (std::vector<float>{1 + count, 2 + count}));
  }
  const auto outputs = RunAll(*model, **second, inputs);
  ASSERT_TRUE(outputs.has_value()) << outputs.error().ToString();
  EXPECT_EQ(Values((*outputs)[0]), std::vector<float>({2, 3}));
}

TEST_F(TorchEngine, ARunThatIsCancelledBeforeItBeginsIsNotRun) {
  const auto model = MustLoad(Methods(Statement("forward", kOneFloat, kOneFloat)));
  ASSERT_NE(model, nullptr);
  auto session = model->OpenSession();
  ASSERT_TRUE(session.has_value());
  std::vector<Tensor> inputs = Row({1, 2});
  std::vector<Tensor> outputs(1);
  const uint32_t wanted[] = {0};
  const std::atomic<uint32_t> cancelled{1};
  const auto ran = RunAndWait(
      **session, {.inputs = inputs, .wanted = wanted, .outputs = outputs, .cancelled = &cancelled});
  ASSERT_TRUE(ran.has_error());
  EXPECT_EQ(ran.error().code(), Code::kCancelled);
  (*session)->Interrupt();
  EXPECT_TRUE(RunAll(*model, **session, inputs).has_value());
}

TEST_F(TorchEngine, RefusesWhatItCannotServeWithTheReason) {
  struct Case {
    std::string statement;
    std::string reason;
    std::string says;
  };
  const Case cases[] = {
      {Statement("nothing", kOneFloat, kOneFloat), "MODEL_INVALID", "no method 'nothing'"},
      {"labels: {a: b}\n", "SIGNATURE_INVALID", "model.yaml: signature"},
      {"signature: [", "SIGNATURE_INVALID", "model.yaml"},
      {Statement("forward", "[{name: x, dtype: float33, shape: [1]}]", kOneFloat),
       "SIGNATURE_INVALID", "signature.inputs[0].dtype"},
      {Statement("forward", "[{name: x, dtype: float32, shape: [-2]}]", kOneFloat),
       "SIGNATURE_INVALID", "signature.inputs[0].shape"},
      {Statement("forward", "[{name: x, dtype: BYTES, shape: [-1]}]", kOneFloat),
       "SIGNATURE_INVALID", "argument 'x' of forward is a Tensor"},
      {Statement("pair", kOneFloat, kOneFloat), "SIGNATURE_INVALID", "argument 'y'"},
      {Statement("forward", "[]", kOneFloat), "SIGNATURE_INVALID", "no input is stated"},
  };
  for (const Case& c : cases) {
    const Error error = LoadFailure(Methods(c.statement));
    EXPECT_EQ(error.reason(), c.reason) << c.statement;
    EXPECT_NE(error.message().find(c.says), std::string::npos) << error.message();
  }
  const ModelSource source = Methods("");
  fs::remove(folder_ / "model.yaml");
  EXPECT_EQ(LoadFailure(source).reason(), "SIGNATURE_MISSING");
  // An operator that opens files is refused before any code runs.
  const Error unsafe =
      LoadFailure({.format = "torchscript", .path = Fixture("unsafe.pt").native()});
  EXPECT_EQ(unsafe.reason(), "MODEL_UNSAFE");
  EXPECT_NE(unsafe.message().find("from_file"), std::string::npos) << unsafe.message();
  for (const size_t size : {size_t{0}, size_t{100}, fs::file_size(Fixture("network.pt")) / 2}) {
    fs::copy_file(Fixture("network.pt"), folder_ / "model.pt",
                  fs::copy_options::overwrite_existing);
    fs::resize_file(folder_ / "model.pt", size);
    EXPECT_EQ(LoadFailure(source).reason(), "MODEL_INVALID");
  }
}

TEST_F(TorchEngine, ModelsThatComeAndGoLeaveNothingBehind) {
  const ModelSource sources[] = {{.format = "torchscript", .path = Fixture("network.pt").native()},
                                 Methods(Statement("counts", kOneFloat, kOneFloat))};
  ExpectNothingIsLeftOf(host_, sources);
}

}  // namespace
}  // namespace slipway::engine
