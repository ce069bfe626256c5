#include "engine/on_demand_model.h"

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "engine/loaded_model.h"

namespace slipway::engine {
namespace {

using namespace std::chrono_literals;
using tensor::DataType;
using tensor::Tensor;
using Clock = std::chrono::steady_clock;

// What all of a model's copies count together.
struct Counts {
  std::atomic<int> loads{0};
  std::atomic<int> alive{0};
  std::atomic<int> sessions{0};
  std::atomic<bool> fails{false};
  std::atomic<bool> held{false};     // loads do not end
  std::atomic<bool> running{false};  // a run is under way
  std::atomic<bool> blocked{false};  // runs do not end
  std::atomic<bool> interrupted{false};
  std::atomic<size_t> expected_runs{0};
};

class CountedSession final : public exec::Session {
 public:
  explicit CountedSession(Counts& counts) : counts_(counts) { ++counts_.sessions; }
  ~CountedSession() override { --counts_.sessions; }
  void Start(const exec::Run&, exec::RunObserver& observer) override {
    counts_.running = true;
    while (counts_.blocked && !counts_.interrupted) std::this_thread::sleep_for(1ms);
    counts_.running = false;
    if (counts_.interrupted) return observer.OnError(Error(Code::kCancelled, "RUN_CANCELLED", ""));
    observer.OnResponse(true);
  }
  void Interrupt() override { counts_.interrupted = true; }

 private:
  Counts& counts_;
};

class CountedModel final : public exec::Model {
 public:
  CountedModel(Counts& counts, std::string input) : counts_(counts) {
    ++counts_.alive;
    signature_.inputs = {{.name = std::move(input), .shape = {1}}};
    signature_.outputs = {{.name = "y", .shape = {1}}};
  }
  ~CountedModel() override { --counts_.alive; }
  const tensor::Signature& signature() const override { return signature_; }
  std::string_view platform() const override { return "counted"; }
  bool completes_in_call() const override { return true; }
  Result<std::unique_ptr<exec::Session>> OpenSession() override {
    return std::unique_ptr<exec::Session>(std::make_unique<CountedSession>(counts_));
  }
  void ExpectRuns(size_t runs) override { counts_.expected_runs = runs; }

 private:
  Counts& counts_;
  tensor::Signature signature_;
};

class OnDemandModelTest : public testing::Test {
 protected:
  Result<void> Run(exec::Session& session, Clock::time_point deadline = Clock::time_point::max(),
                   const std::atomic<uint32_t>* cancelled = nullptr) {
    const std::vector<uint32_t> wanted = {0};
    std::vector<Tensor> inputs(1);
    std::vector<Tensor> outputs(1);
    return RunAndWait(session, {.inputs = inputs,
                                .wanted = wanted,
                                .outputs = outputs,
                                .deadline = deadline,
                                .cancelled = cancelled});
  }
  std::unique_ptr<exec::Session> Open() { return *model_.OpenSession(); }

  Counts counts_;
  std::string input_ = "x";
  OnDemandModel model_{
      std::make_unique<CountedModel>(counts_, "x"),
      [this]() -> Result<std::unique_ptr<exec::Model>> {
        ++counts_.loads;
        while (counts_.held) std::this_thread::sleep_for(1ms);
        if (counts_.fails) return Unavailable("NO_LUCK", "no luck");
        return std::unique_ptr<exec::Model>(std::make_unique<CountedModel>(counts_, input_));
      }};
};

TEST_F(OnDemandModelTest, IsLoadedAgainByTheNextRun) {
  const auto session = Open();
  ASSERT_TRUE(Run(*session));
  EXPECT_EQ(counts_.loads, 0) << "it was there";
  model_.ExpectRuns(3);
  ASSERT_TRUE(model_.Unload());
  EXPECT_FALSE(model_.is_loaded());
  EXPECT_EQ(model_.signature().inputs[0].name, "x");
  EXPECT_EQ(model_.platform(), "counted");
  counts_.expected_runs = 0;
  ASSERT_TRUE(Run(*session));
  EXPECT_EQ(counts_.loads, 1);
  EXPECT_EQ(counts_.alive, 1) << "the session has let go of the old one";
  EXPECT_EQ(counts_.expected_runs, 3);
  ASSERT_TRUE(Run(*session));
  EXPECT_EQ(counts_.loads, 1);
}

TEST_F(OnDemandModelTest, MemoryGoesWithTheSessions) {
  {
    const auto session = Open();
    ASSERT_TRUE(Run(*session));
    ASSERT_TRUE(model_.Unload());
    EXPECT_EQ(counts_.alive, 1) << "the session has it";
  }
  EXPECT_EQ(counts_.alive, 0);
  EXPECT_EQ(counts_.sessions, 0);
}

TEST_F(OnDemandModelTest, AllWaitForOneLoad) {
  ASSERT_TRUE(model_.Unload());
  counts_.held = true;
  std::vector<std::thread> callers;
  std::atomic<int> good{0};
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&] { good += Run(*Open()).has_value() ? 1 : 0; });
  }
  while (counts_.loads == 0) std::this_thread::sleep_for(1ms);
  EXPECT_FALSE(model_.Unload()) << "it is being loaded";
  counts_.held = false;
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(good, 8);
  EXPECT_EQ(counts_.loads, 1);
}

TEST_F(OnDemandModelTest, NobodyWaitsForLongerThanItsTime) {
  ASSERT_TRUE(model_.Unload());
  counts_.held = true;
  const Result<void> late = Run(*Open(), Clock::now() + 10ms);
  ASSERT_TRUE(late.has_error());
  EXPECT_EQ(late.error().code(), Code::kDeadlineExceeded);
  const std::atomic<uint32_t> cancelled = 1;
  const Result<void> gone = Run(*Open(), Clock::time_point::max(), &cancelled);
  ASSERT_TRUE(gone.has_error());
  EXPECT_EQ(gone.error().code(), Code::kCancelled);
  counts_.held = false;
  EXPECT_TRUE(Run(*Open())) << "the load went on";
  EXPECT_EQ(counts_.loads, 1);
}

TEST_F(OnDemandModelTest, ALoadThatFailsIsTheAnswerAndTheNextTriesAgain) {
  ASSERT_TRUE(model_.Unload());
  counts_.fails = true;
  const Result<void> failed = Run(*Open());
  ASSERT_TRUE(failed.has_error());
  EXPECT_EQ(failed.error().reason(), "NO_LUCK");
  counts_.fails = false;
  EXPECT_TRUE(Run(*Open()));
  EXPECT_EQ(counts_.loads, 2);
}

TEST_F(OnDemandModelTest, AnotherModelIsRefused) {
  ASSERT_TRUE(model_.Unload());
  input_ = "z";
  const Result<void> ran = Run(*Open());
  ASSERT_TRUE(ran.has_error());
  EXPECT_EQ(ran.error().reason(), "MODEL_CHANGED");
  while (counts_.alive > 0) std::this_thread::sleep_for(1ms);
}

TEST_F(OnDemandModelTest, ARunKeepsItAndCanBeInterrupted) {
  counts_.blocked = true;
  const auto session = Open();
  std::thread caller([&] {
    const Result<void> ran = Run(*session);
    EXPECT_TRUE(ran.has_error() && ran.error().code() == Code::kCancelled);
  });
  while (!counts_.running) std::this_thread::sleep_for(1ms);
  EXPECT_FALSE(model_.Unload());
  session->Interrupt();
  caller.join();
  EXPECT_TRUE(model_.Unload());
}

}  // namespace
}  // namespace slipway::engine
