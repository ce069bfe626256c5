// The contract of runtime::Driver as a test suite that every driver runs:
//
//   INSTANTIATE_TEST_SUITE_P(Process, DriverContract,
//                            ::testing::Values(DriverTestBedMaker(MakeProcessTestBed)));
#pragma once

#include <memory>

#include <gtest/gtest.h>

#include "runtime/driver.h"

namespace slipway::runtime {

// What a driver's test brings along.
class DriverTestBed {
 public:
  virtual ~DriverTestBed() = default;
  virtual Driver& driver() = 0;
  // Forgets all that the driver holds in memory, as a restart of the agent does.
  virtual void RestartDriver() = 0;
  // Workloads: one that runs until it is asked to end, one that does not end when asked.
  virtual WorkloadSpec Obedient() = 0;
  virtual WorkloadSpec Stubborn() = 0;
  // Waits until a started workload is what its spec says: a stubborn one does not end when asked.
  virtual void AwaitStarted(const WorkloadHandle&) {}
  // Makes an obedient workload exit with this code by itself.
  virtual void ExitWith(const WorkloadHandle& handle, int code) = 0;
};

// Its constructor stands beside the tests, so that the linker takes them along.
struct DriverTestBedMaker {
  using Make = std::unique_ptr<DriverTestBed> (*)();
  explicit DriverTestBedMaker(Make function);
  Make make;
};

class DriverContract : public ::testing::TestWithParam<DriverTestBedMaker> {
 protected:
  void SetUp() override { bed_ = GetParam().make(); }
  void TearDown() override;

  Driver& driver() { return bed_->driver(); }
  // Starts it, and ends it after the test.
  WorkloadHandle Start(const WorkloadSpec& spec);

  std::unique_ptr<DriverTestBed> bed_;
  std::vector<WorkloadHandle> started_;
};

}  // namespace slipway::runtime
