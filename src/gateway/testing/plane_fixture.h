// PlaneFixture: a data plane on loopback with models made for the test.
#pragma once

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "async/core_pool.h"
#include "gateway/data_plane.h"
#include "gateway/telemetry/telemetry.h"
#include "gateway/testing/http_caller.h"

namespace slipway::gateway {

// Starts the plane in its constructor's first Apply and stops it at the end; files go with it.
class PlaneFixture {
 public:
  explicit PlaneFixture(DataPlaneOptions options = {}, size_t cores = 2,
                        TelemetryOptions telemetry = {});
  ~PlaneFixture();

  // A fake model x FP32[-1,4] -> y; `more` are further members of its file, with a leading comma.
  runtime::ServingRevision Fake(int64_t number, const std::string& more = "");
  // A model of tests/fixtures/models.
  runtime::ServingRevision Onnx(int64_t number, const std::string& file);
  static runtime::ServingService Service(std::string name,
                                         std::vector<runtime::ServingRevision> revisions);

  // Applies the services as the next generation, and waits until all that they list is Ready or
  // Failed. The generation.
  uint64_t Serve(std::vector<runtime::ServingService> services);
  // Without waiting.
  uint64_t Apply(std::vector<runtime::ServingService> services);
  void WaitUntilSettled(uint64_t generation);
  // "Ready", "Failed: REASON", "" when it is not known.
  std::string Phase(const std::string& uid) const;
  // Waits until the condition holds, at most 30 s; false after that.
  static bool WaitFor(const std::function<bool()>& condition);

  DataPlane& plane() { return *plane_; }
  Telemetry& telemetry() { return *telemetry_; }
  CorePool& cores() { return cores_; }
  uint16_t port() const { return rest_.port(); }
  uint16_t metrics_port() const { return metrics_.port(); }
  std::string Metrics() const;
  // The sum of the samples whose line begins with `name` and contains `label`.
  double Metric(std::string_view name, std::string_view label = {}) const;
  void Stop(std::chrono::milliseconds drain);

 private:
  CorePool cores_;
  std::filesystem::path folder_;
  net::Listener rest_;
  net::Listener metrics_;
  std::unique_ptr<Telemetry> telemetry_;  // where the options want any
  std::unique_ptr<DataPlane> plane_;
  uint64_t generation_ = 0;
  int files_ = 0;
  bool stopped_ = false;
};

// The body of an inference request of 1x4 floats.
inline constexpr std::string_view kFourFloats =
    R"({"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1,2.5,-3,4]}]})";

}  // namespace slipway::gateway
