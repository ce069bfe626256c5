// slipway version
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/build_info.h"
#include "base/crash_point.h"
#include "cli/commands.h"

namespace slipway::cli {
namespace {

Result<void> ShowVersion(const Client& client, bool crash_points) {
  TRY(format, client.OutputFormat());
  if (crash_points) {
    std::string names;
    for (const std::string& name : CrashPointNames()) names += name + "\n";
    return Print(names);
  }
  if (format == Format::kJson || format == Format::kYaml) {
    return PrintJson({{"version", Version()}, {"commit", Commit()}, {"buildId", BuildId()}},
                     format);
  }
  return PrintLine(fmt::format("slipway {} (commit {}, build {})", Version(), Commit(), BuildId()));
}

}  // namespace

void AddVersion(Command& command, Client& client) {
  auto crash_points = std::make_shared<bool>(false);
  command.Flag(crash_points.get(), "--crash-points",
               "List the places where SLIPWAY_CRASH_AT=NAME kills the process, for tests");
  command.Example("version -o json");
  command.Run([&client, crash_points] { return ShowVersion(client, *crash_points); });
}

}  // namespace slipway::cli
