#include "runtime/testing/driver_contract.h"

#include <boost/asio/io_context.hpp>

#include "async/deadline.h"
#include "async/task_group.h"

namespace slipway::runtime {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kNoGrace{0};
constexpr milliseconds kLongGrace{10'000};

Driver::Record Ignore() {
  return [](const WorkloadHandle&) { return Result<void>(); };
}

Task<void> KeepExit(Driver& driver, WorkloadHandle handle,
                    std::optional<Result<WorkloadExit>>* out) {
  out->emplace(co_await driver.WaitExit(std::move(handle)));
}

Result<WorkloadExit> WaitExit(Driver& driver, const WorkloadHandle& handle) {
  asio::io_context context;
  TaskGroup group(context.get_executor());
  std::optional<Result<WorkloadExit>> out;
  group.Start([&driver, handle, &out] { return KeepExit(driver, handle, &out); });
  context.run();
  return *out;
}

Task<void> StopAfter(milliseconds pause, TaskGroup* group) {
  co_await SleepFor(pause);
  co_await group->Stop();
}

}  // namespace

DriverTestBedMaker::DriverTestBedMaker(Make function) : make(function) {}

void DriverContract::TearDown() {
  for (const WorkloadHandle& handle : started_) EXPECT_TRUE(driver().Stop(handle, kNoGrace));
}

WorkloadHandle DriverContract::Start(const WorkloadSpec& spec) {
  auto handle = driver().Start(spec, Ignore());
  EXPECT_TRUE(handle.has_value()) << handle.error().ToString();
  started_.push_back(*handle);
  bed_->AwaitStarted(*handle);
  return *handle;
}

TEST_P(DriverContract, StartedWorkloadIsFoundUntilItIsStopped) {
  WorkloadHandle handle = Start(bed_->Obedient());
  auto found = driver().Find(handle);
  ASSERT_TRUE(found.has_value());
  EXPECT_TRUE(found->has_value());
  ASSERT_TRUE(driver().Stop(handle, kLongGrace).has_value());
  EXPECT_FALSE(driver().Find(handle)->has_value());
  EXPECT_TRUE(driver().Stop(handle, kLongGrace).has_value()) << "stopping again is no error";
}

TEST_P(DriverContract, RecordSeesTheHandleOfWhatRunsLater) {
  WorkloadHandle recorded;
  auto handle = driver().Start(bed_->Obedient(), [&recorded](const WorkloadHandle& seen) {
    recorded = seen;
    return Result<void>();
  });
  ASSERT_TRUE(handle.has_value());
  started_.push_back(*handle);
  EXPECT_EQ(recorded.id, handle->id);
  EXPECT_EQ(recorded.driver, handle->driver);
  EXPECT_EQ(recorded.name, bed_->Obedient().name);
}

TEST_P(DriverContract, NothingRunsWhenItCannotBeRecorded) {
  WorkloadHandle recorded;
  auto handle = driver().Start(bed_->Obedient(), [&recorded](const WorkloadHandle& seen) {
    recorded = seen;
    return Result<void>(ResourceExhausted("DISK_FULL", "no space"));
  });
  ASSERT_TRUE(handle.has_error());
  EXPECT_EQ(handle.error().reason(), "DISK_FULL");
  EXPECT_FALSE(driver().Find(recorded)->has_value());
}

TEST_P(DriverContract, StubbornWorkloadIsKilledAfterTheGrace) {
  WorkloadHandle handle = Start(bed_->Stubborn());
  auto begin = std::chrono::steady_clock::now();
  ASSERT_TRUE(driver().Stop(handle, milliseconds(50)).has_value());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  EXPECT_FALSE(driver().Find(handle)->has_value());
}

TEST_P(DriverContract, WaitExitTellsTheExitCode) {
  WorkloadHandle handle = Start(bed_->Obedient());
  bed_->ExitWith(handle, 3);
  auto exit = WaitExit(driver(), handle);
  ASSERT_TRUE(exit.has_value()) << exit.error().ToString();
  EXPECT_EQ(exit->exit_code, 3);
  EXPECT_EQ(exit->by_signal, std::nullopt);
  EXPECT_EQ(exit->ToString(), "exited with code 3");
  EXPECT_FALSE(driver().Find(handle)->has_value());
}

TEST_P(DriverContract, WaitExitEndsWhenCancelled) {
  WorkloadHandle handle = Start(bed_->Obedient());
  asio::io_context context;
  TaskGroup waiting(context.get_executor());
  TaskGroup stopping(context.get_executor());
  std::optional<Result<WorkloadExit>> out;
  waiting.Start([this, handle, &out] { return KeepExit(driver(), handle, &out); });
  stopping.Start([&waiting] { return StopAfter(milliseconds(20), &waiting); });
  context.run();
  ASSERT_TRUE(out.has_value());
  ASSERT_TRUE(out->has_error());
  EXPECT_EQ(out->error().code(), Code::kCancelled);
  EXPECT_TRUE(driver().Find(handle)->has_value());
}

TEST_P(DriverContract, WorkloadOutlivesTheDriverAndIsFoundAgain) {
  WorkloadHandle handle = Start(bed_->Obedient());
  auto before = driver().Find(handle);
  bed_->RestartDriver();
  auto after = driver().Find(handle);
  ASSERT_TRUE(after.has_value());
  EXPECT_EQ(*after, *before);
  bed_->ExitWith(handle, 0);
  EXPECT_TRUE(WaitExit(driver(), handle).has_value());
  EXPECT_FALSE(driver().Find(handle)->has_value());
}

TEST_P(DriverContract, RestartedDriverStopsWhatItFinds) {
  WorkloadHandle handle = Start(bed_->Stubborn());
  bed_->RestartDriver();
  ASSERT_TRUE(driver().Stop(handle, milliseconds(20)).has_value());
  EXPECT_FALSE(driver().Find(handle)->has_value());
}

TEST_P(DriverContract, HandleOfAnotherDriverIsRefused) {
  WorkloadHandle foreign{"elsewhere", "serve", "1"};
  EXPECT_EQ(driver().Find(foreign).error().reason(), "HANDLE_INVALID");
  EXPECT_EQ(driver().Stop(foreign, kNoGrace).error().reason(), "HANDLE_INVALID");
  EXPECT_EQ(WaitExit(driver(), foreign).error().reason(), "HANDLE_INVALID");
  WorkloadHandle own = Start(bed_->Obedient());
  own.id = "garbage";
  EXPECT_EQ(driver().Find(own).error().reason(), "HANDLE_INVALID");
}

TEST_P(DriverContract, SpecWithoutNameOrAbsoluteProgramIsRefused) {
  WorkloadSpec spec = bed_->Obedient();
  spec.name = "";
  EXPECT_EQ(driver().Start(spec, Ignore()).error().reason(), "WORKLOAD_INVALID");
  spec = bed_->Obedient();
  spec.program = "relative";
  EXPECT_EQ(driver().Start(spec, Ignore()).error().reason(), "WORKLOAD_INVALID");
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(DriverContract);

}  // namespace slipway::runtime
