#include "runtime/fake/fake_driver.h"

#include "runtime/testing/driver_contract.h"

namespace slipway::runtime {
namespace {

class FakeTestBed final : public DriverTestBed {
 public:
  FakeTestBed() : driver_(std::make_unique<FakeDriver>()) {}
  Driver& driver() override { return *driver_; }
  void RestartDriver() override { driver_ = std::make_unique<FakeDriver>(driver_->workloads()); }
  WorkloadSpec Obedient() override { return {.name = "obedient", .program = "/fake"}; }
  WorkloadSpec Stubborn() override { return {.name = "stubborn", .program = "/fake"}; }
  void ExitWith(const WorkloadHandle& handle, int code) override {
    driver_->End(handle.id, {.exit_code = code});
  }

 private:
  std::unique_ptr<FakeDriver> driver_;
};

std::unique_ptr<DriverTestBed> MakeFakeTestBed() {
  return std::make_unique<FakeTestBed>();
}

INSTANTIATE_TEST_SUITE_P(Fake, DriverContract,
                         ::testing::Values(DriverTestBedMaker(MakeFakeTestBed)));

TEST(FakeDriverTest, FailsStartsWhenTold) {
  FakeDriver driver;
  driver.FailStarts(FailedPrecondition("PROGRAM_MISSING", "no"));
  auto started = driver.Start({.name = "serve", .program = "/fake"},
                              [](const WorkloadHandle&) { return Result<void>(); });
  EXPECT_EQ(started.error().reason(), "PROGRAM_MISSING");
  EXPECT_TRUE(driver.running().empty());
}

}  // namespace
}  // namespace slipway::runtime
