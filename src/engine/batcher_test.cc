#include "engine/batcher.h"

#include <condition_variable>
#include <latch>
#include <mutex>
#include <random>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::engine {
namespace {

using tensor::DataType;
using tensor::Shape;
using tensor::Tensor;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

constexpr float kPoison = 13;

// Lets a test hold the runs of a model, and see them.
struct Gate {
  std::mutex mutex;
  std::condition_variable changed;
  bool open = true;
  std::vector<int64_t> runs;  // rows of each that began
  std::atomic<int> interrupts{0};

  void Close() {
    std::lock_guard lock(mutex);
    open = false;
  }
  void Open() {
    std::lock_guard lock(mutex);
    open = true;
    changed.notify_all();
  }
  void WaitForRuns(size_t count) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return runs.size() >= count; });
  }
};

// x FP32[-1,-1] -> y = 2x, name BYTES[-1] -> who = name. A poisoned run fails; with `one_row` only
// the first row is answered.
class DoublingSession final : public exec::Session {
 public:
  DoublingSession(Gate& gate, bool one_row) : gate_(gate), one_row_(one_row) {}

  void Start(const exec::Run& run, exec::RunObserver& observer) override {
    {
      std::unique_lock lock(gate_.mutex);
      gate_.runs.push_back(run.inputs[0].shape()[0]);
      gate_.changed.notify_all();
      gate_.changed.wait(lock, [&] { return gate_.open || run.cancelled->load() != 0; });
    }
    if (run.cancelled->load() != 0) {
      return observer.OnError(Error(Code::kCancelled, "RUN_CANCELLED", "ended early"));
    }
    const auto in = run.inputs[0].as<float>();
    if (std::find(in.begin(), in.end(), kPoison) != in.end()) {
      return observer.OnError(Internal("RUN_FAILED", "poisoned"));
    }
    for (size_t i = 0; i < run.wanted.size(); ++i) Answer(run, i);
    observer.OnResponse(true);
  }
  void Interrupt() override {
    ++gate_.interrupts;
    std::lock_guard lock(gate_.mutex);
    gate_.changed.notify_all();
  }

 private:
  void Answer(const exec::Run& run, size_t i) {
    const Tensor& in = run.inputs[run.wanted[i]];
    Shape shape = in.shape();
    if (one_row_) shape.Set(0, 1);
    ASSERT_TRUE(run.outputs[i].Reset(in.type(), shape).has_value());
    if (in.type() == DataType::kBytes) {
      for (int64_t row = 0; row < shape[0]; ++row) {
        run.outputs[i].AppendString(in.strings()[static_cast<size_t>(row)]);
      }
      return run.outputs[i].SealStrings();
    }
    const auto out = run.outputs[i].as<float>();
    for (size_t e = 0; e < out.size(); ++e) out[e] = 2 * in.as<float>()[e];
  }

  Gate& gate_;
  const bool one_row_;
};

class DoublingModel final : public exec::Model {
 public:
  DoublingModel(Gate& gate, bool one_row) : gate_(gate), one_row_(one_row) {
    const tensor::TensorSpec x{.name = "x", .shape = {-1, -1}, .symbols = {"n", "w"}};
    const tensor::TensorSpec name{
        .name = "name", .type = DataType::kBytes, .shape = {-1}, .symbols = {"n"}};
    signature_.inputs = {x, name};
    signature_.outputs = {x, name};
    signature_.outputs[0].name = "y";
    signature_.outputs[1].name = "who";
  }
  const tensor::Signature& signature() const override { return signature_; }
  std::string_view platform() const override { return "test"; }
  bool completes_in_call() const override { return true; }
  Result<std::unique_ptr<exec::Session>> OpenSession() override {
    return std::unique_ptr<exec::Session>(std::make_unique<DoublingSession>(gate_, one_row_));
  }

 private:
  Gate& gate_;
  const bool one_row_;
  tensor::Signature signature_;
};

class Request final : public PendingRun {
 public:
  // `rows` rows of `width` times `value`.
  Request(int64_t rows, int64_t width, float value) : rows_(rows), inputs_(2) {
    CHECK(inputs_[0].Reset(DataType::kFp32, {rows, width}).has_value());
    for (float& number : inputs_[0].as<float>()) number = value;
    CHECK(inputs_[1].Reset(DataType::kBytes, {rows}).has_value());
    for (int64_t row = 0; row < rows; ++row) inputs_[1].AppendString(Name(row, value));
    inputs_[1].SealStrings();
  }

  Order MakeOrder() {
    Order order{.run = {.inputs = inputs_, .wanted = wanted, .outputs = outputs_},
                .rows = static_cast<uint64_t>(rows_)};
    order.done = [this] {
      std::lock_guard lock(mutex_);
      ++ends_;
      changed_.notify_all();
    };
    return order;
  }
  const Result<void>& Wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ends_ > 0; });
    return result();
  }
  int ends() {
    std::lock_guard lock(mutex_);
    return ends_;
  }
  // Whether the outputs are what a run by itself gives.
  void ExpectAnswer() {
    ASSERT_TRUE(result().has_value()) << result().error().ToString();
    for (size_t i = 0; i < wanted.size(); ++i) {
      EXPECT_EQ(outputs_[i].shape(), inputs_[wanted[i]].shape());
      if (wanted[i] == 1) {
        EXPECT_TRUE(std::ranges::equal(outputs_[i].strings(), inputs_[1].strings()));
        continue;
      }
      const auto in = inputs_[0].as<float>();
      EXPECT_TRUE(std::ranges::equal(outputs_[i].as<float>(), in,
                                     [](float out, float x) { return out == 2 * x; }));
    }
  }
  void DropOutputs() {
    for (Tensor& output : outputs_) output.Recycle(0);
  }

  std::vector<uint32_t> wanted = {0, 1};

 private:
  static std::string Name(int64_t row, float value) {
    return std::to_string(row) + " of " + std::to_string(value);
  }

  const int64_t rows_;
  std::vector<Tensor> inputs_;
  std::vector<Tensor> outputs_{2};
  std::mutex mutex_;
  std::condition_variable changed_;
  int ends_ = 0;
};

struct Fixture {
  explicit Fixture(LinePolicy policy, size_t width = 1, bool one_row = false)
      : threads(width),
        model(std::make_unique<DoublingModel>(gate, one_row)),
        batcher(threads,
                {.width = width,
                 .policy = std::move(policy),
                 .unbatched = [this](const Error& why) { reasons.emplace_back(why.reason()); }}) {
    batcher.SetModel(model);
  }
  ~Fixture() {
    while (batcher.Pending() > 0) std::this_thread::yield();
  }
  std::shared_ptr<Request> Submit(int64_t rows, float value, int64_t width = 2) {
    auto request = std::make_shared<Request>(rows, width, value);
    EXPECT_TRUE(batcher.Submit(request, request->MakeOrder()));
    return request;
  }
  // A request whose run is under way, held by the gate.
  std::shared_ptr<Request> Occupy() {
    gate.Close();
    auto request = Submit(1, 1);
    gate.WaitForRuns(1);
    return request;
  }
  std::vector<int64_t> runs() {
    std::lock_guard lock(gate.mutex);
    return gate.runs;
  }

  Gate gate;
  EngineThreads threads;
  LoadedModel model;
  std::vector<std::string> reasons;
  Batcher batcher;
};

void ExpectError(const Result<void>& result, std::string_view reason) {
  ASSERT_TRUE(result.has_error());
  EXPECT_EQ(result.error().reason(), reason);
}

TEST(Batcher, ThoseWhoWaitShareTheNextRun) {
  Fixture f({.max_rows = 8});
  const auto first = f.Occupy();
  const auto a = f.Submit(2, 3);
  const auto b = f.Submit(1, 4);
  const auto c = f.Submit(3, 5);
  EXPECT_EQ(f.batcher.Pending(), 4u);
  EXPECT_EQ(f.batcher.waiting(), 3u);
  f.gate.Open();
  for (const auto& request : {first, a, b, c}) {
    ASSERT_TRUE(request->Wait().has_value());
    request->ExpectAnswer();
  }
  EXPECT_EQ(f.runs(), (std::vector<int64_t>{1, 6}));
  const BatchStats stats = f.batcher.stats();
  ASSERT_EQ(stats.size(), 2u);
  EXPECT_EQ(stats.at(1).runs, 1u);
  EXPECT_EQ(stats.at(6).runs, 1u);
  for (const auto& request : {a, b, c}) request->DropOutputs();
}

TEST(Batcher, OnlyThoseOfOneShapeAndWishDo) {
  Fixture f({.max_rows = 8});
  const auto first = f.Occupy();
  const auto a = f.Submit(1, 3, 2);
  const auto b = f.Submit(1, 4, 5);
  auto c = std::make_shared<Request>(1, 2, 6.0f);
  c->wanted = {1};
  ASSERT_TRUE(f.batcher.Submit(c, c->MakeOrder()));
  const auto d = f.Submit(1, 7, 2);
  f.gate.Open();
  for (const auto& request : {first, a, b, c, d}) {
    ASSERT_TRUE(request->Wait().has_value());
    request->ExpectAnswer();
  }
  EXPECT_EQ(f.runs(), (std::vector<int64_t>{1, 2, 1, 1}));
}

TEST(Batcher, OneBadRequestFailsAlone) {
  Fixture f({.max_rows = 8});
  const auto first = f.Occupy();
  const auto a = f.Submit(1, 3);
  const auto bad = f.Submit(2, kPoison);
  const auto b = f.Submit(1, 4);
  f.gate.Open();
  ExpectError(bad->Wait(), "RUN_FAILED");
  for (const auto& request : {first, a, b}) {
    ASSERT_TRUE(request->Wait().has_value());
    request->ExpectAnswer();
  }
  EXPECT_EQ(f.runs(), (std::vector<int64_t>{1, 4, 1, 2, 1}));
}

TEST(Batcher, WhoIsCancelledLeavesTheOthersAlone) {
  Fixture f({.max_rows = 8});
  const auto first = f.Occupy();
  const auto waits = f.Submit(1, 2);
  const auto a = f.Submit(1, 3);
  const auto b = f.Submit(1, 4);
  f.batcher.Cancel(*waits);
  ExpectError(waits->Wait(), "REQUEST_CANCELLED");
  f.gate.Open();
  ASSERT_TRUE(first->Wait().has_value());
  ASSERT_TRUE(a->Wait().has_value());
  b->Wait();
  b->ExpectAnswer();
  EXPECT_EQ(f.runs(), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(f.gate.interrupts, 0);
}

TEST(Batcher, ASharedRunIsInterruptedOnlyWhenAllHaveLeft) {
  Fixture f({.max_rows = 2, .max_delay = 1h});
  f.gate.Close();
  const auto a = f.Submit(1, 3);
  const auto b = f.Submit(1, 4);
  f.gate.WaitForRuns(1);
  f.batcher.Cancel(*a);
  ExpectError(a->Wait(), "REQUEST_CANCELLED");
  EXPECT_EQ(f.gate.interrupts, 0);
  EXPECT_EQ(b->ends(), 0);
  f.batcher.Cancel(*b);
  ExpectError(b->Wait(), "REQUEST_CANCELLED");
  EXPECT_EQ(f.gate.interrupts, 1);
  EXPECT_EQ(f.runs(), (std::vector<int64_t>{2}));
}

TEST(Batcher, WhoeverStaysInAHalfEmptyRunIsAnswered) {
  Fixture f({.max_rows = 3, .max_delay = 1h});
  f.gate.Close();
  const auto a = f.Submit(1, 3);
  const auto b = f.Submit(1, 4);
  const auto c = f.Submit(1, 5);
  f.gate.WaitForRuns(1);
  f.batcher.Cancel(*a);
  f.batcher.Cancel(*b);
  f.batcher.Cancel(*b);
  f.gate.Open();
  ASSERT_TRUE(c->Wait().has_value());
  c->ExpectAnswer();
  EXPECT_EQ(b->ends(), 1);
}

TEST(Batcher, ASingleRunIsInterrupted) {
  Fixture f({.max_rows = 1});
  const auto a = f.Occupy();
  f.batcher.Cancel(*a);
  ExpectError(a->Wait(), "RUN_CANCELLED");
  EXPECT_EQ(f.gate.interrupts, 1);
}

TEST(Batcher, LateOnesAreNotRun) {
  Fixture f({.max_rows = 8});
  const auto first = f.Occupy();
  auto late = std::make_shared<Request>(1, 2, 3.0f);
  PendingRun::Order order = late->MakeOrder();
  order.run.deadline = std::chrono::steady_clock::now();
  ASSERT_TRUE(f.batcher.Submit(late, std::move(order)));
  const auto b = f.Submit(1, 4);
  f.gate.Open();
  ExpectError(late->Wait(), "REQUEST_TIMEOUT");
  ASSERT_TRUE(b->Wait().has_value());
  EXPECT_EQ(f.runs(), (std::vector<int64_t>{1, 1}));
}

TEST(Batcher, WhoWaitedTooLongIsRefused) {
  Fixture f({.max_rows = 8});
  const auto first = f.Occupy();
  auto late = std::make_shared<Request>(1, 2, 3.0f);
  PendingRun::Order order = late->MakeOrder();
  order.expires = std::chrono::steady_clock::now() + 1ms;
  ASSERT_TRUE(f.batcher.Submit(late, std::move(order)));
  ExpectError(late->Wait(), "QUEUE_TIMEOUT");
  EXPECT_EQ(first->ends(), 0);
  f.gate.Open();
  EXPECT_TRUE(first->Wait().has_value());
}

TEST(Batcher, AFullLineRefusesAndForgets) {
  Fixture f({.max_rows = 1, .max_waiting = 1});
  const auto first = f.Occupy();
  const auto a = f.Submit(1, 2);
  auto b = std::make_shared<Request>(1, 2, 3.0f);
  EXPECT_FALSE(f.batcher.Submit(b, b->MakeOrder()));
  EXPECT_EQ(b->ends(), 0);
  f.gate.Open();
  EXPECT_TRUE(a->Wait().has_value());
  ASSERT_TRUE(f.batcher.Submit(b, b->MakeOrder()));
  EXPECT_TRUE(b->Wait().has_value());
  EXPECT_TRUE(first->Wait().has_value());
}

TEST(Batcher, AModelWithoutABatchIsRunAloneFromThenOn) {
  Fixture f({.max_rows = 8}, 1, /*one_row=*/true);
  const auto first = f.Occupy();
  const auto a = f.Submit(1, 2);
  const auto b = f.Submit(1, 3);
  f.gate.Open();
  for (const auto& request : {first, a, b}) {
    ASSERT_TRUE(request->Wait().has_value());
    request->ExpectAnswer();
  }
  EXPECT_EQ(f.reasons, (std::vector<std::string>{"BATCH_ROWS"}));
  EXPECT_FALSE(f.batcher.MayShare());
  EXPECT_EQ(f.runs(), (std::vector<int64_t>{1, 2, 1, 1}));
  f.gate.Close();
  const auto c = f.Submit(1, 2);
  f.gate.WaitForRuns(5);
  const auto d = f.Submit(1, 3);
  const auto e = f.Submit(1, 4);
  f.gate.Open();
  for (const auto& request : {c, d, e}) EXPECT_TRUE(request->Wait().has_value());
  EXPECT_EQ(f.runs(), (std::vector<int64_t>{1, 2, 1, 1, 1, 1, 1}));
}

// Against the oracle: whatever happens to its companions, each request is answered once, and as a
// run by itself would have answered it.
class BatcherRandom : public ::testing::TestWithParam<uint64_t> {};

struct Fate {
  bool poisoned = false;
  bool cancelled = false;
  bool hasty = false;
};

void RunClient(Fixture& f, uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto one_in = [&](uint64_t n) { return random() % n == 0; };
  for (int round = 0; round < 60; ++round) {
    std::vector<std::pair<std::shared_ptr<Request>, Fate>> requests;
    for (uint64_t i = 0; i < 1 + random() % 8; ++i) {
      const Fate fate{.poisoned = one_in(12), .cancelled = one_in(6), .hasty = one_in(10)};
      const float value = fate.poisoned ? kPoison : static_cast<float>(20 + random() % 1000);
      auto request = std::make_shared<Request>(static_cast<int64_t>(random() % 4),
                                               static_cast<int64_t>(1 + random() % 2), value);
      PendingRun::Order order = request->MakeOrder();
      order.level = static_cast<uint32_t>(1 + random() % 3);
      if (fate.hasty) {
        order.run.deadline =
            std::chrono::steady_clock::now() + std::chrono::microseconds(random() % 500);
      }
      ASSERT_TRUE(f.batcher.Submit(request, std::move(order)));
      requests.emplace_back(std::move(request), fate);
    }
    for (auto& [request, fate] : requests) {
      if (fate.cancelled) f.batcher.Cancel(*request);
    }
    for (auto& [request, fate] : requests) {
      const Result<void>& result = request->Wait();
      if (result.has_value()) {
        request->ExpectAnswer();
      } else if (result.error().code() == Code::kCancelled) {
        EXPECT_TRUE(fate.cancelled);
      } else if (result.error().code() == Code::kDeadlineExceeded) {
        EXPECT_TRUE(fate.hasty);
      } else {
        EXPECT_EQ(result.error().reason(), "RUN_FAILED");
        EXPECT_TRUE(fate.poisoned);
      }
      EXPECT_EQ(request->ends(), 1);
    }
  }
}

TEST_P(BatcherRandom, AnswersAreThoseOfRunsAlone) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  const bool held = GetParam() % 2 == 0;
  Fixture f({.max_rows = 6,
             .max_delay = held ? 200us : 0us,
             .preferred_rows =
                 GetParam() % 3 == 0 ? std::vector<uint64_t>{2, 4} : std::vector<uint64_t>{},
             .levels = 3},
            2);
  const auto first = f.Occupy();
  const auto second = f.Submit(1, 1);
  f.gate.WaitForRuns(2);
  {
    std::vector<std::jthread> clients;
    for (uint64_t client = 0; client < 4; ++client) {
      clients.emplace_back([&f, seed = GetParam() * 100 + client] { RunClient(f, seed); });
    }
    while (f.batcher.waiting() < 4) std::this_thread::yield();
    f.gate.Open();
  }
  first->Wait();
  second->Wait();
  EXPECT_GT(f.batcher.stats().rbegin()->first, 3u) << "nobody shared a run";
}

INSTANTIATE_TEST_SUITE_P(Seeds, BatcherRandom, ::testing::Values(1, 2, 3, 4, 5, 6));

}  // namespace
}  // namespace slipway::engine
