// slipway serve
#include <unistd.h>

#include <atomic>
#include <optional>
#include <string_view>

#include "base/log.h"
#include "engine/blame_page.h"
#include "gateway/serve_program.h"
#include "runtime/serving_channel.h"
#include "runtime/site_folder.h"
#include "runtime/site_state.h"
#include "server/blocking_call.h"
#include "server/executable.h"
#include "server/programs.h"
#include "server/run_folder.h"
#include "server/serve_options.h"
#include "server/server_options.h"
#include "server/signals.h"

namespace slipway::server {
namespace {

constexpr std::chrono::milliseconds kDrain{5'000};
// Longer than any drain; what hangs then is cut short.
constexpr unsigned kStopLimitSeconds = 9;
constexpr uint64_t kMaxTokenFileBytes = 4096;
constexpr int kExitInterrupted = 130;  // as the command line's (docs/operations.md)

Result<std::string> ReadToken(const std::string& path) {
  if (path.empty()) return std::string();
  TRY(token, ReadWholeFile(PosixFileSystem(), path, kMaxTokenFileBytes));
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r')) token.pop_back();
  if (token.empty()) return InvalidArgument("TOKEN_EMPTY", path + ": there is no token in it");
  return token;
}

// The sockets that the agent passed, or new ones.
Result<std::vector<gateway::ServeListener>> OpenListeners(const ServeOptions& options) {
  std::vector<gateway::ServeListener> listeners;
  if (!options.site_folder.empty()) {
    TRY(inherited, runtime::InheritedListeners());
    for (const runtime::InheritedListener& one : inherited) {
      TRY(listener, net::Listener::Adopt(one.descriptor));
      listeners.push_back({one.name, std::move(listener)});
    }
    return listeners;
  }
  const Ports ports = PortsOf(options.port_base);
  TRY(rest, net::Listener::Open(options.address, ports.rest));
  listeners.push_back({"rest", std::move(rest)});
  TRY(grpc, net::Listener::Open(options.address, ports.grpc));
  listeners.push_back({"grpc", std::move(grpc)});
  TRY(metrics, net::Listener::Open(options.address, ports.metrics));
  listeners.push_back({"metrics", std::move(metrics)});
  return listeners;
}

PortsFile PortsOfListeners(const ServeOptions& options,
                           const std::vector<gateway::ServeListener>& listeners) {
  PortsFile ports{.pid = ::getpid(), .address = options.address, .has_tls = !options.tls.empty()};
  for (const gateway::ServeListener& one : listeners) {
    if (one.name == "rest") ports.rest = one.listener.port();
    if (one.name == "grpc") ports.grpc = one.listener.port();
    if (one.name == "metrics") ports.metrics = one.listener.port();
  }
  return ports;
}

Result<gateway::ServeOptions> Compose(const ServeOptions& options) {
  gateway::ServeOptions composed{.site_folder = options.site_folder};
  if (options.site_folder.empty()) {
    TRY(token, ReadToken(options.token_file));
    composed.stand_alone = {.path = options.model,
                            .is_repository = options.is_repository,
                            .name = options.name,
                            .token = token,
                            .allow_control = options.allow_control,
                            .shared_memory = options.shared_memory,
                            .threads = static_cast<int>(options.threads),
                            .own_process = options.own_process,
                            .accelerator = options.accelerator,
                            .max_batch = static_cast<int>(options.max_batch),
                            .timeout = options.request_timeout};
  }
  if (options.is_triton_like) composed.plane.non_finite = gateway::v2::NonFinite::kBare;
  TRY(program, ExecutablePath());
  composed.plane.plugin_folder = PluginFolder(program);
  composed.plane.tls = WithClients(options.tls, options.clients);
  composed.plane.request_memory_bytes = static_cast<uint64_t>(options.request_memory_mib) << 20;
  TRY(listeners, OpenListeners(options));
  composed.listeners = std::move(listeners);
  return composed;
}

// Alone, a program whose model is still being loaded has answered nobody and keeps nothing: it ends
// as it is, for no engine can be made to stop loading.
bool EndWithoutTheModel() {
  if (!StopSignals::IsEndAsked()) return false;
  constexpr std::string_view kWords = "slipway: interrupted while the model was loading\n";
  (void)!::write(STDERR_FILENO, kWords.data(), kWords.size());
  _exit(kExitInterrupted);
}

void TellReady(const PortsFile& ports, gateway::ServeProgram& program) {
  int64_t models = 0;
  for (const runtime::RevisionMeasurement& revision : program.plane().status().revisions) {
    if (revision.phase == runtime::kPhaseReady) ++models;
  }
  LogInfo("data plane is ready", {{"rest", UrlOf(ports, ports.rest)},
                                  {"grpc", ports.address + ":" + std::to_string(ports.grpc)},
                                  {"metrics", UrlOf(ports, ports.metrics)},
                                  {"models", models}});
}

// Serves until a signal or the agent asks for the end.
Result<void> Serve(const ServeOptions& options, gateway::ServeOptions composed, CorePool& cores,
                   StopSignals& signals) {
  std::atomic<std::chrono::milliseconds> drain{kDrain};
  composed.stop_requested = [&drain](std::chrono::milliseconds wanted) {
    drain = wanted;
    StopSignals::Raise();
  };
  composed.interrupted = options.site_folder.empty() ? EndWithoutTheModel : StopSignals::IsEndAsked;
  const PortsFile ports = PortsOfListeners(options, composed.listeners);
  TRY(program, gateway::ServeProgram::Start(cores, std::move(composed)));
  Result<void> told;
  if (!options.ports_file.empty()) {
    told = WritePorts(PosixFileSystem(), options.ports_file, ports);
  }
  if (told) {
    TellReady(ports, *program);
    int number = signals.Wait([&program] { program->ReloadFiles(); });
    LogInfo("data plane stops", {{"signal", number}});
  }
  signals.EndAfter(kStopLimitSeconds);
  BlockOn(cores.executor(0), program->Stop(drain.load()));
  return told;
}

}  // namespace

Result<void> RunServe(int argc, const char* const* argv) {
  gateway::TuneProcess();
  TRY(options, ParseServeOptions(argc, argv));
  if (!options) return {};
  // Before a model is loaded.
  if (!options->tls.empty()) {
    TRY_VOID(net::CheckTlsFiles(WithClients(options->tls, options->clients)));
  }
  TRY(telemetry_options, TelemetryOf(options->telemetry));
  const bool reloads = !options->tls.empty() || !options->telemetry.access_log.empty();
  StopSignals signals(reloads ? HangUp::kReloads : HangUp::kStops);
  if (!options->site_folder.empty()) {
    // Without it there is nobody to blame, and all the rest.
    const Result<void> page = engine::BlamePage::Open(
        runtime::InheritedPredecessor() ? runtime::NextBlamePath(options->site_folder)
                                        : runtime::BlamePath(options->site_folder));
    if (page.has_error()) LogWarning("no revision can be blamed", {{"error", page.error()}});
  }
  TRY(composed, Compose(*options));
  CorePool cores(0);
  std::unique_ptr<gateway::Telemetry> telemetry;
  if (!telemetry_options.empty()) {
    TRY(opened, gateway::Telemetry::Open(std::move(telemetry_options), cores));
    telemetry = std::move(opened);
  }
  composed.plane.telemetry = telemetry.get();
  Result<void> ended = Serve(*options, std::move(composed), cores, signals);
  cores.Stop();
  return ended;
}

}  // namespace slipway::server
