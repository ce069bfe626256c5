// slipway describe KIND/NAME
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/event_table.h"
#include "cli/listing.h"
#include "cli/resource_table.h"
#include "cli/text.h"

namespace slipway::cli {
namespace {

Result<void> Describe(Client& client, const std::string& text) {
  TRY(wanted, ParseKindName(text));
  TRY(kind, KindOf(wanted.kind));
  TRY(format, client.OutputFormat());
  TRY(api, client.Api());
  std::string path = ResourcePath(kind->plural, kind->global, client.Project(), wanted.name);
  TRY(answer, api->Get(path));
  if (format == Format::kName) return PrintLine(Printable(NameOf(*kind, answer.body)));
  TRY(events, api->Get(path + "/events"));
  Json& resource = answer.body;
  if (format == Format::kJson || format == Format::kYaml) {
    resource["events"] = At(events.body, "/items");
    return PrintJson(resource, format);
  }
  TRY_VOID(PrintLine(Printable(NameOf(*kind, resource))));
  for (const char* part : {"metadata", "spec", "status"}) {
    if (!resource.contains(part) || resource[part].empty()) continue;
    TRY_VOID(Print(Printable(fmt::format("\n{}", DumpYaml(Json{{part, resource[part]}})), true)));
  }
  Table table = EventTable(At(events.body, "/items"), client.clock());
  return Print(table.empty() ? "\nno events\n" : "\n" + table.Text());
}

}  // namespace

void AddDescribe(Command& command, Client& client) {
  auto name = std::make_shared<std::string>();
  command.Positional(name.get(), "KIND/NAME", "What to describe; a bare name is a service");
  command.Example("describe fraud");
  command.Example("describe modelversion/magika-3f5a9c01b2d4e6f7");
  command.Run([&client, name] { return Describe(client, *name); });
}

}  // namespace slipway::cli
