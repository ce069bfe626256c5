// slipway server
#include <unistd.h>

#include <array>

#include "base/log.h"
#include "server/control_centre.h"
#include "server/executable.h"
#include "server/programs.h"
#include "server/signals.h"

namespace slipway::server {
namespace {

// What a stop may take before it is cut short; users and supervisors wait 10 s.
constexpr unsigned kStopLimitSeconds = 9;

LogLevel LevelOf(const std::string& name) {
  if (name == "debug") return LogLevel::kDebug;
  if (name == "warning") return LogLevel::kWarning;
  if (name == "error") return LogLevel::kError;
  return LogLevel::kInfo;
}

}  // namespace

Result<void> RunServer(int argc, const char* const* argv) {
  TRY(options, ParseServerOptions(argc, argv));
  if (!options) return {};
  TRY_VOID(SetLog({.level = LevelOf(options->log_level),
                   .json = options->log_json,
                   .file = options->log_file}));
  // Before the data folder is made.
  if (!options->tls.empty()) {
    TRY_VOID(net::CheckTlsFiles(WithClients(options->tls, options->clients)));
  }
  TRY(program, ExecutablePath());
  TRY_VOID(TelemetryOf(options->telemetry));  // for the data plane
  const bool reloads = !options->tls.empty() || !options->telemetry.access_log.empty();
  StopSignals signals(reloads ? HangUp::kReloads : HangUp::kStops);
  ControlCentre centre(*options, program);
  TRY_VOID(centre.Start());
  int number = signals.Wait([&centre] { centre.ReloadTls(); });
  LogInfo("control centre stops", {{"signal", number}});
  signals.EndAfter(kStopLimitSeconds);
  centre.Stop(number == kLeaveSignal ? agent::StopMode::kKeepServing : agent::StopMode::kEndServe);
  return {};
}

}  // namespace slipway::server
