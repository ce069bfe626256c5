// slipway: one executable. `server` and `serve` are programs of their own, everything else is a
// verb of the command line.
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "base/crash_point.h"
#include "cli/command_line.h"
#include "cli/exit_code.h"
#include "cli/report.h"
#include "server/programs.h"
#include "server/standard_streams.h"

namespace {

int Exit(const slipway::Result<void>& done) {
  return done ? 0 : slipway::cli::ReportError(done.error());
}

}  // namespace

int main(int argc, char** argv) {
  slipway::server::OccupyStandardDescriptors();
  // ONNX Runtime reports to its maker unless it is told not to. Here, before there are threads.
  setenv("ORT_DISABLE_TELEMETRY", "1", 1);  // NOLINT(concurrency-mt-unsafe)
  if (!slipway::CrashPointSettingIsValid()) {
    std::fputs(
        "slipway: SLIPWAY_CRASH_AT names no crash point; `slipway version --crash-points` "
        "lists them\n",
        stderr);
    return slipway::cli::kExitUsage;
  }
  std::string_view verb = argc > 1 ? argv[1] : "";
  if (verb == "server") return Exit(slipway::server::RunServer(argc - 1, argv + 1));
  if (verb == "serve") return Exit(slipway::server::RunServe(argc - 1, argv + 1));
  if (verb == "worker") return Exit(slipway::server::RunWorker(argc - 1, argv + 1));
  return slipway::cli::RunCommandLine(argc, argv);
}
