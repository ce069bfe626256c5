// slipway logout HOST
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/sign_in.h"
#include "cli/text.h"

namespace slipway::cli {
namespace {

Result<void> Logout(Client& client, const std::string& host) {
  TRY(format, client.OutputFormat());
  TRY_VOID(CheckRegistryHost(host));
  TRY(store, OpenCredentials());
  TRY(removed, store.Remove(host));
  for (const std::string& file : removed.others) {
    Note(Printable(fmt::format("note: {} has credentials for {} too; they stay", file, host)));
  }
  if (format == Format::kName) return PrintLine(host);
  if (format == Format::kJson || format == Format::kYaml) {
    return PrintJson({{"host", host},
                      {"removed", removed.was_there},
                      {"file", removed.place.file},
                      {"helper", removed.place.helper},
                      {"others", removed.others}},
                     format);
  }
  const std::string place = PlaceText(removed.place);
  return PrintLine(Printable(removed.was_there
                                 ? fmt::format("signed out of {}; removed from {}", host, place)
                                 : fmt::format("{} has nothing for {}", place, host)));
}

}  // namespace

void AddLogout(Command& command, Client& client) {
  auto host = std::make_shared<std::string>();
  command.Positional(host.get(), "HOST", "Registry: HOST or HOST:PORT");
  command.Example("logout registry.example:5000");
  command.Run([&client, host] { return Logout(client, *host); });
}

}  // namespace slipway::cli
