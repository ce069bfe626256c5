// slipway models [NAME]
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/listing.h"
#include "cli/resource_table.h"

namespace slipway::cli {
namespace {

Result<void> Models(Client& client, const std::string& name) {
  TRY(format, client.OutputFormat());
  TRY(api, client.Api());
  TRY(kind, KindOf(name.empty() ? "model" : "modelversion"));
  TRY(list, ListAll(*api, *kind, client.Project(), name.empty() ? "" : "model=" + name));
  std::string nothing =
      name.empty() ? fmt::format("there are no models in project {}; `slipway push` brings one",
                                 client.Project())
                   : fmt::format("there is no version of {} in project {}", name, client.Project());
  return PrintResources(*kind, list, format, client.clock(), nothing);
}

}  // namespace

void AddModels(Command& command, Client& client) {
  auto name = std::make_shared<std::string>();
  command.Positional(name.get(), "NAME", "List the versions of this model", Need::kOptional);
  command.Example("models");
  command.Example("models fraud -o json");
  command.Run([&client, name] { return Models(client, *name); });
}

}  // namespace slipway::cli
