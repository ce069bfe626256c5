// DataPlane: answers inference requests by a configuration that may change at any time.
//
//   CorePool cores(0);
//   gateway::DataPlane plane(cores, {});
//   plane.Listen("rest", listener);  plane.Listen("grpc", second);  plane.Listen("metrics", third);
//   plane.Apply(config);             // again whenever it changes
//   ... co_await plane.Stop(drain) on a core's executor, then ~DataPlane, then cores.Stop()
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "async/core_pool.h"
#include "async/task.h"
#include "base/clock.h"
#include "base/result.h"
#include "engine/limits.h"
#include "gateway/key_guard.h"
#include "gateway/limits.h"
#include "gateway/model_control.h"
#include "gateway/v2/response_writer.h"
#include "net/http_server.h"
#include "net/router.h"
#include "runtime/serving_channel.h"
#include "runtime/serving_config.h"

namespace slipway::gateway {

class Telemetry;

struct DataPlaneOptions {
  std::string plugin_folder;  // empty: engine::DefaultPluginFolder()
  size_t engine_threads = 0;  // for runs that are too slow for a core; 0: as many as cores
  size_t max_queued_runs = engine::kMaxQueuedRuns;  // for one model; above it 503
  // Bodies, tensors and answers of all requests together; above it 503.
  uint64_t request_memory_bytes = kMaxBodyBytesInFlight;
  std::string server_name = "slipway";  // as GET /v2 tells it
  v2::NonFinite non_finite = v2::NonFinite::kNull;
  net::TlsFiles tls;  // of all listeners; empty: they are plain
  Clock* clock = &SystemClock();
  // The access log and traces; outlives the plane. nullptr: nobody wants them.
  Telemetry* telemetry = nullptr;
  // Who may load, unload and set; and what loads for them, which outlives the plane. nullptr: what
  // is loaded is the configuration's alone.
  ControlAccess control;
  ModelControl* models = nullptr;
  bool shared_memory = false;  // who may control may name regions for tensors
  // The status is another one. Called on a thread of the data plane; must not block for long.
  std::function<void()> changed;
};

// Destroyed after Stop has ended, outside of the cores' threads, while the cores still run; that
// waits for a load under way.
class DataPlane {
 public:
  DataPlane(CorePool& cores, DataPlaneOptions options);
  ~DataPlane();

  // Answers on a listener: "rest" and "grpc" the inference protocol, "metrics" GET /metrics. The
  // descriptor is duplicated. INVALID_ARGUMENT / LISTENER_NAME for other names.
  Result<void> Listen(std::string_view name, const net::Listener& listener);
  // Lets what is loaded and served follow `config`; requests do not fail of it. Returns at once.
  void Apply(runtime::ServingConfig config);
  // As net::HttpServer::ReloadTls, for all listeners.
  Result<void> ReloadTls();

  runtime::ServingStatus status() const;
  // What the revisions of measured services have counted.
  std::vector<runtime::RevisionFigures> figures() const;
  // Every revision of the first configuration is loaded or has failed.
  bool settled() const;

  // Tells probes that it is not ready, stops accepting, and lets requests in flight end until
  // `drain` is over. Once.
  Task<void> Stop(std::chrono::milliseconds drain);

  // The tables of both listeners, for tests of access rules.
  const std::vector<net::Route>& rest_routes() const;
  const std::vector<net::Route>& metrics_routes() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway::gateway
