// slipway: one executable. `server` and `serve` are programs of their own, everything else is a
// verb of the command line.
#include <cstdio>
#include <string_view>

#include "base/crash_point.h"
#include "cli/command_line.h"
#include "cli/exit_code.h"
#include "cli/report.h"
#include "server/programs.h"

namespace {

int Exit(const slipway::Result<void>& done) {
  return done ? 0 : slipway::cli::ReportError(done.error());
}

}  // namespace

int main(int argc, char** argv) {
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
  return slipway::cli::RunCommandLine(argc, argv);
}
