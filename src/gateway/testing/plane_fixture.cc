#include "gateway/testing/plane_fixture.h"

#include <unistd.h>

#include <cstdlib>
#include <thread>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include "base/random.h"

namespace slipway::gateway {

PlaneFixture::PlaneFixture(DataPlaneOptions options, size_t cores, TelemetryOptions telemetry)
    : cores_(cores),
      folder_(std::filesystem::temp_directory_path() / ("plane-" + RandomHexId(SystemRandom()))),
      rest_(net::Listener::Open("127.0.0.1", 0).value()),
      metrics_(net::Listener::Open("127.0.0.1", 0).value()) {
  if (!telemetry.empty()) {
    telemetry_ = Telemetry::Open(std::move(telemetry), cores_).value();
    options.telemetry = telemetry_.get();
  }
  plane_ = std::make_unique<DataPlane>(cores_, std::move(options));
  std::filesystem::create_directories(folder_);
  CHECK(plane_->Listen("rest", rest_).has_value());
  CHECK(plane_->Listen("metrics", metrics_).has_value());
}

PlaneFixture::~PlaneFixture() {
  Stop(std::chrono::milliseconds(1000));
  plane_.reset();
  cores_.Stop();
  std::filesystem::remove_all(folder_);
}

void PlaneFixture::Stop(std::chrono::milliseconds drain) {
  if (std::exchange(stopped_, true)) return;
  asio::co_spawn(cores_.context(0), plane_->Stop(drain), asio::use_future).get();
}

runtime::ServingRevision PlaneFixture::Fake(int64_t number, const std::string& more) {
  const std::string file = "model-" + std::to_string(++files_) + ".json";
  std::ofstream(folder_ / file) << R"({"inputs":[{"name":"x","datatype":"FP32","shape":[-1,4],)"
                                << R"("symbols":["n",""]}],)"
                                << R"("outputs":[{"name":"y","datatype":"FP32","shape":[-1,4],)"
                                << R"("symbols":["n",""]}])" << more << "}";
  return {.number = number,
          .uid = "fake-" + std::to_string(number) + "-" + std::to_string(files_),
          .format = "fake",
          .path = folder_.native(),
          .model_file = file};
}

runtime::ServingRevision PlaneFixture::Onnx(int64_t number, const std::string& file) {
  return {.number = number,
          .uid = "onnx-" + std::to_string(number) + "-" + std::to_string(++files_),
          .format = "onnx",
          .path = (std::filesystem::current_path() / "tests/fixtures/models").native(),
          .model_file = file};
}

runtime::ServingService PlaneFixture::Service(std::string name,
                                              std::vector<runtime::ServingRevision> revisions) {
  return {.project = "default",
          .name = std::move(name),
          .access = "anonymous",
          .revisions = std::move(revisions)};
}

uint64_t PlaneFixture::Apply(std::vector<runtime::ServingService> services) {
  runtime::ServingConfig config{.generation = ++generation_};
  config.services = std::move(services);
  plane_->Apply(std::move(config));
  return generation_;
}

uint64_t PlaneFixture::Serve(std::vector<runtime::ServingService> services) {
  const uint64_t generation = Apply(std::move(services));
  WaitUntilSettled(generation);
  return generation;
}

void PlaneFixture::WaitUntilSettled(uint64_t generation) {
  CHECK(WaitFor([&] {
    const runtime::ServingStatus status = plane_->status();
    if (status.generation < generation) return false;
    return std::none_of(status.revisions.begin(), status.revisions.end(),
                        [](const auto& revision) { return revision.phase == "Loading"; });
  }));
}

std::string PlaneFixture::Phase(const std::string& uid) const {
  for (const auto& revision : plane_->status().revisions) {
    if (revision.uid != uid) continue;
    return revision.reason.empty() ? revision.phase : revision.phase + ": " + revision.reason;
  }
  return "";
}

bool PlaneFixture::WaitFor(const std::function<bool()>& condition) {
  for (int i = 0; i < 30'000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

std::string PlaneFixture::Metrics() const {
  HttpCaller caller(metrics_port());
  const Result<HttpAnswer> answer = caller.Get("/metrics");
  CHECK(answer.has_value() && answer->status == 200);
  return answer->body;
}

double PlaneFixture::Metric(std::string_view name, std::string_view label) const {
  const std::string text = Metrics();
  double sum = 0;
  size_t begin = 0;
  while (begin < text.size()) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    if (!line.starts_with(name) || line.find(label) == std::string::npos) continue;
    if (line[name.size()] != '{' && line[name.size()] != ' ') continue;
    sum += std::atof(line.c_str() + line.rfind(' '));
  }
  return sum;
}

}  // namespace slipway::gateway
