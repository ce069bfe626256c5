// Models in processes of their own: this test program is their worker, too.
#include "engine/worker/worker.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <sstream>
#include <thread>

#include <gtest/gtest.h>

#include "engine/loaded_model.h"
#include "engine/plugin_host.h"
#include "engine/worker/limits.h"
#include "engine/worker/model.h"

namespace slipway::engine::worker {
namespace {

using namespace std::chrono_literals;
using tensor::DataType;
using tensor::Shape;
using tensor::Tensor;
using Clock = std::chrono::steady_clock;

// Before main: `PROGRAM worker ...` is what a WorkerProcess starts.
__attribute__((constructor)) void BeTheWorker(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "worker") {
    _exit(RunWorker(argc - 1, argv + 1).has_value() ? 0 : 1);
  }
}

constexpr std::string_view kTensors =
    R"("inputs":[{"name":"x","datatype":"FP32","shape":[-1,4],"symbols":["n",""]}],
       "outputs":[{"name":"y","datatype":"FP32","shape":[-1,4],"symbols":["n",""]}])";

// What a process, by its number or "self", has mapped of segments.
uint64_t SegmentBytes(const std::string& process) {
  std::ifstream maps("/proc/" + process + "/maps");
  uint64_t bytes = 0;
  for (std::string line; std::getline(maps, line);) {
    if (line.find("memfd:slipway-worker") == std::string::npos) continue;
    uint64_t begin = 0;
    uint64_t end = 0;
    char dash = 0;
    std::istringstream(line) >> std::hex >> begin >> dash >> end;
    bytes += end - begin;
  }
  return bytes;
}

class WorkerTest : public testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }

  Result<std::unique_ptr<exec::Model>> Load(const std::string& settings,
                                            std::string_view tensors = kTensors,
                                            std::vector<std::string> command = {}) {
    path_ =
        (std::filesystem::temp_directory_path() / ("worker-" + std::to_string(getpid()) + ".json"))
            .native();
    std::ofstream(path_) << "{" << tensors << settings << "}";
    return LoadInWorker(
        {.name = "test",
         .load = {.format = "fake", .path = path_, .plugins = DefaultPluginFolder()},
         .command = std::move(command),
         .process_for_each_run = process_for_each_run_,
         .changed = [this] { ++changes_; },
         .hung_grace = 300ms});
  }

  void MustLoad(const std::string& settings, std::string_view tensors = kTensors) {
    auto model = Load(settings, tensors);
    ASSERT_TRUE(model.has_value()) << model.error().ToString();
    model_ = *std::move(model);
    auto session = model_->OpenSession();
    ASSERT_TRUE(session.has_value());
    session_ = *std::move(session);
  }

  Result<void> Run(float first, int64_t rows = 1,
                   Clock::time_point deadline = Clock::time_point::max()) {
    inputs_.resize(1);
    EXPECT_TRUE(inputs_[0].Reset(DataType::kFp32, Shape({rows, 4})));
    std::iota(inputs_[0].as<float>().begin(), inputs_[0].as<float>().end(), first);
    return RunInputs(deadline);
  }
  Result<void> RunInputs(Clock::time_point deadline = Clock::time_point::max()) {
    const std::vector<uint32_t> wanted = {0};
    outputs_.resize(1);
    return RunAndWait(*session_, {.inputs = inputs_,
                                  .wanted = wanted,
                                  .outputs = outputs_,
                                  .deadline = deadline,
                                  .cancelled = &cancelled_});
  }

  // Waits until the worker of that number runs.
  void AwaitRestart(uint64_t restarts) {
    for (auto now = model_->process(); now->pid == 0 || now->restarts < restarts;
         now = model_->process()) {
      std::this_thread::sleep_for(5ms);
    }
  }

  void AwaitProcesses(int64_t count) {
    while (model_->process()->processes != count) std::this_thread::sleep_for(5ms);
  }

  std::string path_;
  bool process_for_each_run_ = false;
  std::atomic<int> changes_{0};
  std::unique_ptr<exec::Model> model_;
  std::unique_ptr<exec::Session> session_;
  std::vector<Tensor> inputs_;
  std::vector<Tensor> outputs_;
  std::atomic<uint32_t> cancelled_{0};
};

TEST_F(WorkerTest, AnswersAsTheEngineDoes) {
  MustLoad("");
  EXPECT_EQ(model_->platform(), "slipway_fake");
  EXPECT_EQ(model_->signature().inputs.at(0).symbols.at(0), "n");
  EXPECT_FALSE(model_->completes_in_call()) << "nothing is to wait for another process inline";
  const auto process = model_->process();
  ASSERT_TRUE(process.has_value());
  EXPECT_NE(process->pid, getpid());
  EXPECT_EQ(process->restarts, 0);
  EXPECT_GT(process->memory_bytes, 0);
  ASSERT_TRUE(Run(1));
  EXPECT_EQ(outputs_[0].as<float>()[3], 4.0F);
}

TEST_F(WorkerTest, TensorsOfAnySizeGoThrough) {
  MustLoad("");
  for (const int64_t rows : {1, 100'000, 0, 3'000'000, 2}) {
    const Result<void> ran = Run(0, rows);
    ASSERT_TRUE(ran) << ran.error().ToString();
    ASSERT_EQ(outputs_[0].shape(), Shape({rows, 4}));
    EXPECT_EQ(std::memcmp(outputs_[0].data(), inputs_[0].data(), inputs_[0].size_bytes()), 0);
  }
}

TEST_F(WorkerTest, LargeSegmentsAreHeldByNobodyAfterTheirRun) {
  MustLoad("");
  const std::string worker = std::to_string(model_->process()->pid);
  constexpr int64_t kRows = (kKeepSegmentBytes >> 4) + 1;
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(Run(0, kRows));
    EXPECT_EQ(std::memcmp(outputs_[0].data(), inputs_[0].data(), inputs_[0].size_bytes()), 0);
  }
  EXPECT_EQ(SegmentBytes("self"), 0);
  for (int i = 0; i < 6'000 && SegmentBytes(worker) > 0; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(SegmentBytes(worker), 0);
  EXPECT_TRUE(Run(1)) << "the session goes on";
  EXPECT_GT(SegmentBytes(worker), 0) << "what is small stays";
}

TEST_F(WorkerTest, SegmentsAreMemoryOfTheWorker) {
  MustLoad("");
  const int64_t before = model_->process()->memory_bytes;
  constexpr int64_t kTensorBytes = kKeepSegmentBytes / 4 * 3;
  ASSERT_TRUE(Run(0, kTensorBytes >> 4));
  EXPECT_GT(model_->process()->memory_bytes - before, kTensorBytes / 4 * 7);
}

TEST_F(WorkerTest, StringsGoThroughAlthoughTheirSizeIsKnownToNobody) {
  MustLoad("", R"("inputs":[{"name":"x","datatype":"BYTES","shape":[-1]}],
                  "outputs":[{"name":"y","datatype":"BYTES","shape":[-1]}])");
  inputs_.resize(1);
  ASSERT_TRUE(inputs_[0].Reset(DataType::kBytes, Shape({3})));
  const std::string long_text(1 << 20, 'x');
  for (const std::string_view text :
       {std::string_view("a"), std::string_view(), std::string_view(long_text)}) {
    inputs_[0].AppendString(text);
  }
  inputs_[0].SealStrings();
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(RunInputs());
    ASSERT_EQ(outputs_[0].strings().size(), 3);
    EXPECT_EQ(outputs_[0].strings()[0], "a");
    EXPECT_EQ(outputs_[0].strings()[2], long_text);
  }
}

TEST_F(WorkerTest, ErrorsOfTheEngineAreItsOwn) {
  MustLoad(R"(,"failOn":13)");
  const Result<void> ran = Run(13);
  ASSERT_TRUE(ran.has_error());
  EXPECT_EQ(ran.error().code(), Code::kInternal);
  EXPECT_EQ(ran.error().reason(), "RUN_FAILED");
  EXPECT_TRUE(Run(20)) << "the session goes on";
  session_.reset();
  model_.reset();
  const auto failed = Load(R"(,"failLoad":"no luck")");
  ASSERT_TRUE(failed.has_error());
  EXPECT_EQ(failed.error().reason(), "LOAD_FAILED");
  EXPECT_EQ(failed.error().message(), "no luck");
}

TEST_F(WorkerTest, ACrashEndsTheRunAndNothingElse) {
  MustLoad(R"(,"crashOn":13)");
  auto other = model_->OpenSession();
  ASSERT_TRUE(other.has_value());
  ASSERT_TRUE(Run(1));
  const Result<void> crashed = Run(13);
  ASSERT_TRUE(crashed.has_error());
  EXPECT_EQ(crashed.error().code(), Code::kUnavailable);
  EXPECT_EQ(crashed.error().reason(), "WORKER_DOWN");
  AwaitRestart(1);
  EXPECT_NE(model_->process()->last_end.find("signal 6"), std::string::npos);
  EXPECT_GE(changes_, 2) << "of its end and of its return";
  EXPECT_TRUE(Run(2)) << "the session finds the next worker";
  session_ = *std::move(other);
  EXPECT_TRUE(Run(3)) << "and so does one that was idle";
}

TEST_F(WorkerTest, AKilledWorkerComesBack) {
  MustLoad("");
  kill(static_cast<pid_t>(model_->process()->pid), SIGKILL);
  AwaitRestart(1);
  EXPECT_EQ(model_->process()->last_end, "was killed by signal 9 (Killed)");
  EXPECT_TRUE(Run(1));
}

TEST_F(WorkerTest, ACrashWhileLoadingIsAnErrorOfTheLoad) {
  const auto model = Load(R"(,"crash":"load")");
  ASSERT_TRUE(model.has_error());
  EXPECT_EQ(model.error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(model.error().reason(), "WORKER_CRASHED");
  EXPECT_NE(model.error().message().find("signal 6"), std::string::npos);
}

TEST_F(WorkerTest, ARunThatNeverEndsEndsItsWorker) {
  MustLoad(R"(,"hangOn":14)");
  const Result<void> hung = Run(14, 1, Clock::now() + 50ms);
  ASSERT_TRUE(hung.has_error());
  EXPECT_EQ(hung.error().code(), Code::kDeadlineExceeded);
  AwaitRestart(1);
  EXPECT_NE(model_->process()->last_end.find("after its time was over"), std::string::npos);
  EXPECT_TRUE(Run(1));
}

TEST_F(WorkerTest, ARunThatEndsLateHarmsNoOther) {
  MustLoad(R"(,"delayUs":100000)");
  const Result<void> late = Run(1, 1, Clock::now() + 1ms);
  ASSERT_TRUE(late.has_error());
  EXPECT_EQ(late.error().code(), Code::kDeadlineExceeded);
  EXPECT_TRUE(Run(2));
  EXPECT_EQ(outputs_[0].as<float>()[0], 2.0F);
  EXPECT_EQ(model_->process()->restarts, 0);
}

TEST_F(WorkerTest, ARunIsInterrupted) {
  MustLoad(R"(,"delayUs":600000000)");
  std::thread caller([this] {
    std::this_thread::sleep_for(20ms);
    cancelled_ = 1;
    session_->Interrupt();
  });
  const Result<void> ran = Run(1);
  caller.join();
  ASSERT_TRUE(ran.has_error());
  EXPECT_EQ(ran.error().code(), Code::kCancelled);
}

TEST_F(WorkerTest, AnInterruptBetweenRunsDoesNothing) {
  MustLoad("");
  ASSERT_TRUE(Run(1));
  session_->Interrupt();
  EXPECT_TRUE(Run(2));
}

TEST_F(WorkerTest, RunsFindTheProcessesThatAreUp) {
  process_for_each_run_ = true;
  MustLoad(R"(,"crashOn":13)");
  model_->ExpectRuns(3);
  AwaitProcesses(3);
  ASSERT_TRUE(Run(13).has_error());
  // The one that crashed comes back after a while: nobody waits for that.
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Run(1)) << i;
  AwaitRestart(1);
  AwaitProcesses(3);
  kill(static_cast<pid_t>(model_->process()->pid), SIGKILL);
  AwaitRestart(2);
  EXPECT_TRUE(Run(2));
}

TEST_F(WorkerTest, ProcessesThatAreTooManyEndWithTheirRuns) {
  process_for_each_run_ = true;
  MustLoad(R"(,"delayUs":200000)");
  model_->ExpectRuns(2);
  AwaitProcesses(2);
  // One run in each.
  auto other = model_->OpenSession();
  ASSERT_TRUE(other.has_value());
  Result<void> ran;
  std::thread caller([&] {
    std::vector<Tensor> inputs(1);
    std::vector<Tensor> outputs(1);
    EXPECT_TRUE(inputs[0].Reset(DataType::kFp32, Shape({1, 4})));
    const std::vector<uint32_t> wanted = {0};
    ran = RunAndWait(**other, {.inputs = inputs, .wanted = wanted, .outputs = outputs});
  });
  std::thread smaller([this] {
    std::this_thread::sleep_for(50ms);
    model_->ExpectRuns(1);
  });
  EXPECT_TRUE(Run(1));
  caller.join();
  smaller.join();
  EXPECT_TRUE(ran) << "nothing is cut off";
  AwaitProcesses(1);
  EXPECT_TRUE(Run(2)) << "a session of one that left finds another";
  EXPECT_EQ(model_->process()->restarts, 0);
  model_->ExpectRuns(2);
  AwaitProcesses(2);
}

TEST_F(WorkerTest, EnginesRunAllInOneProcess) {
  MustLoad("");
  model_->ExpectRuns(4);
  EXPECT_EQ(model_->process()->processes, 1);
}

TEST_F(WorkerTest, AProgramThatIsNotThereIsNamed) {
  const auto model = Load("", kTensors, {"/nowhere/python3"});
  ASSERT_TRUE(model.has_error());
  EXPECT_EQ(model.error().reason(), "PROGRAM_MISSING");
  EXPECT_NE(model.error().message().find("/nowhere/python3"), std::string::npos);
}

TEST_F(WorkerTest, AProgramThatSpeaksNoFramesIsNoWorker) {
  const auto model = Load("", kTensors, {"/bin/true"});
  ASSERT_TRUE(model.has_error());
  EXPECT_EQ(model.error().reason(), "WORKER_CRASHED");
  const auto noise = Load("", kTensors, {"/bin/sh", "-c", "echo noise >&3; exec sleep 600"});
  ASSERT_TRUE(noise.has_error());
  EXPECT_EQ(noise.error().reason(), "WORKER_FRAME");
}

TEST(Worker, NobodyStartsItByHand) {
  const char* const words[] = {"worker", "1", "name"};
  const Result<void> ran = RunWorker(3, words);
  ASSERT_TRUE(ran.has_error());
  EXPECT_EQ(ran.error().reason(), "WORKER_PARENT");
}

}  // namespace
}  // namespace slipway::engine::worker
