#include "engine/shared_tensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::engine {
namespace {

using tensor::DataType;
using tensor::Shape;
using tensor::Signature;
using tensor::Tensor;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Tensor Floats(const Shape& shape, float first) {
  Tensor tensor;
  CHECK(tensor.Reset(DataType::kFp32, shape).has_value());
  for (float& number : tensor.as<float>()) number = first++;
  return tensor;
}

Tensor Texts(std::initializer_list<const char*> texts) {
  Tensor tensor;
  CHECK(tensor.Reset(DataType::kBytes, {static_cast<int64_t>(texts.size())}).has_value());
  for (const char* text : texts) tensor.AppendString(text);
  tensor.SealStrings();
  return tensor;
}

TEST(SharedTensors, GathersInOrderAndShowsTheParts) {
  std::vector<Tensor> a;
  a.push_back(Floats({1, 2}, 1));
  a.push_back(Texts({"a"}));
  std::vector<Tensor> b;
  b.push_back(Floats({2, 2}, 10));
  b.push_back(Texts({"b", ""}));
  SharedTensorsPool pool;
  std::shared_ptr<SharedTensors> shared = pool.Take();
  const std::span<const Tensor> requests[] = {a, b};
  ASSERT_TRUE(shared->Gather(requests).has_value());
  EXPECT_EQ(shared->rows(), 3u);
  ASSERT_EQ(shared->inputs().size(), 2u);
  EXPECT_EQ(shared->inputs()[0].shape(), (Shape{3, 2}));
  EXPECT_THAT(shared->inputs()[0].as<float>(), ElementsAre(1, 2, 10, 11, 12, 13));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(shared->inputs()[0].data()) % tensor::kBufferAlignment, 0u);
  EXPECT_THAT(shared->inputs()[1].strings(), ElementsAre("a", "b", ""));

  const std::span<Tensor> outputs = shared->outputs(2);
  outputs[0] = Floats({3, 2}, 100);
  outputs[1] = Texts({"x", "y", "z"});
  std::vector<Tensor> part(2);
  SharedTensors::Show(shared, 1, 2, part);
  shared.reset();
  EXPECT_EQ(part[0].shape(), (Shape{2, 2}));
  EXPECT_THAT(part[0].as<float>(), ElementsAre(102, 103, 104, 105));
  EXPECT_THAT(part[1].strings(), ElementsAre("y", "z"));
}

TEST(SharedTensors, MemoryIsUsedAgainOnceNobodyLooks) {
  SharedTensorsPool pool;
  std::shared_ptr<SharedTensors> first = pool.Take();
  SharedTensors* const address = first.get();
  first->outputs(1)[0] = Floats({1}, 1);
  std::vector<Tensor> part(1);
  const std::vector<Tensor> input = [] {
    std::vector<Tensor> tensors;
    tensors.push_back(Floats({1}, 0));
    return tensors;
  }();
  const std::span<const Tensor> requests[] = {input};
  ASSERT_TRUE(first->Gather(requests).has_value());
  SharedTensors::Show(first, 0, 1, part);
  first.reset();
  EXPECT_NE(pool.Take().get(), address) << "a part still shows it";
  part[0].Recycle(0);
  std::shared_ptr<SharedTensors> one = pool.Take();
  std::shared_ptr<SharedTensors> other = pool.Take();
  EXPECT_TRUE(one.get() == address || other.get() == address);
}

TEST(SharedTensors, OutputsWithOtherRowsAreNoBatch) {
  const Signature signature{.inputs = {{.name = "x", .shape = {-1, 2}}},
                            .outputs = {{.name = "y", .shape = {-1}}, {.name = "z"}}};
  std::vector<Tensor> input;
  input.push_back(Floats({2, 2}, 1));
  const std::span<const Tensor> requests[] = {input, input};
  SharedTensors shared;
  ASSERT_TRUE(shared.Gather(requests).has_value());
  const std::vector<uint32_t> wanted = {0};
  shared.outputs(1)[0] = Floats({4}, 1);
  EXPECT_TRUE(shared.CheckOutputs(signature, wanted).has_value());
  for (const Shape& wrong : {Shape{3}, Shape{1, 4}, Shape{}}) {
    shared.outputs(1)[0] = Floats(wrong, 1);
    const auto checked = shared.CheckOutputs(signature, wanted);
    ASSERT_TRUE(checked.has_error()) << wrong.ToString();
    EXPECT_EQ(checked.error().reason(), "BATCH_ROWS");
    EXPECT_THAT(checked.error().message(),
                HasSubstr("a batch of 4 rows with output 'y' of the shape " + wrong.ToString()));
  }
}

TEST(SharedTensors, RowsOfARequest) {
  const Signature signature{
      .inputs = {{.name = "x", .shape = {-1, 2}}, {.name = "w", .shape = {-1}}}, .outputs = {}};
  std::vector<Tensor> inputs;
  inputs.push_back(Floats({3, 2}, 0));
  inputs.push_back(Floats({3}, 0));
  EXPECT_EQ(*RowsOf(signature, inputs), 3u);
  inputs[1] = Floats({2}, 0);
  const auto rows = RowsOf(signature, inputs);
  ASSERT_TRUE(rows.has_error());
  EXPECT_EQ(rows.error().reason(), "BATCH_MISMATCH");
  EXPECT_EQ(rows.error().message(),
            "input 'w' batch size does not match other inputs: 'x' has 3 and 'w' has 2");
}

TEST(SharedTensors, LikeRequests) {
  const auto one = [](Tensor tensor) {
    std::vector<Tensor> tensors;
    tensors.push_back(std::move(tensor));
    return tensors;
  };
  EXPECT_TRUE(SameButRows(one(Floats({1, 4}, 0)), one(Floats({7, 4}, 9))));
  EXPECT_FALSE(SameButRows(one(Floats({1, 4}, 0)), one(Floats({1, 5}, 0))));
  EXPECT_FALSE(SameButRows(one(Floats({1, 4}, 0)), one(Floats({1, 4, 1}, 0))));
  EXPECT_FALSE(SameButRows(one(Floats({}, 0)), one(Floats({}, 0))));
}

TEST(SharedTensors, WhichModelsHaveABatch) {
  using Spec = tensor::TensorSpec;
  struct Case {
    Signature signature;
    const char* why;  // null: it has one
  };
  const Spec x{.name = "x", .shape = {-1, 4}, .symbols = {"n", ""}};
  const Spec words{.name = "w", .shape = {-1, -1}, .symbols = {"n", "length"}};
  const Case cases[] = {
      {{.inputs = {x}, .outputs = {{.name = "y", .shape = {-1}}}}, nullptr},
      {{.inputs = {words},
        .outputs = {{.name = "y", .shape = {-1, -1}, .symbols = {"m", "length"}}}},
       nullptr},
      {{.inputs = {}, .outputs = {}}, "it has no inputs"},
      {{.inputs = {{.name = "x", .shape = {1, 4}}}, .outputs = {}},
       "the first dimension of input 'x', whose shape is [1,4], is not open (-1)"},
      {{.inputs = {x, {.name = "s"}}, .outputs = {}},
       "the first dimension of input 's', whose shape is [], is not open (-1)"},
      {{.inputs = {x}, .outputs = {{.name = "y", .shape = {4, -1}}}},
       "the first dimension of output 'y', whose shape is [4,-1], is not open (-1)"},
      {{.inputs = {words}, .outputs = {{.name = "y", .shape = {-1, -1}}}},
       "dimension 1 of output 'y', whose shape is [-1,-1], is open and has the symbol of no input"},
      {{.inputs = {words},
        .outputs = {{.name = "y", .shape = {-1, -1}, .symbols = {"n", "boxes"}}}},
       "dimension 1 of output 'y'"},
  };
  for (const Case& c : cases) {
    const auto checked = CheckBatchable(c.signature);
    if (c.why == nullptr) {
      EXPECT_TRUE(checked.has_value());
      continue;
    }
    ASSERT_TRUE(checked.has_error()) << c.why;
    EXPECT_EQ(checked.error().reason(), "BATCHING_UNSUPPORTED");
    EXPECT_THAT(checked.error().message(), HasSubstr(c.why));
  }
}

}  // namespace
}  // namespace slipway::engine
