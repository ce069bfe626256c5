// slipway events [KIND/NAME]
#include <memory>

#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/event_table.h"
#include "cli/listing.h"
#include "cli/text.h"

namespace slipway::cli {
namespace {

Result<void> Events(Client& client, const std::string& text) {
  TRY(format, client.OutputFormat());
  TRY_VOID(CheckNotNames(format, "an event"));
  std::string path = ResourcePath("events", false, client.Project());
  if (!text.empty()) {
    TRY(wanted, ParseKindName(text));
    TRY(kind, KindOf(wanted.kind));
    path = ResourcePath(kind->plural, kind->global, client.Project(), wanted.name) + "/events";
  }
  TRY(api, client.Api());
  TRY(answer, api->Get(path));
  if (format == Format::kJson || format == Format::kYaml) return PrintJson(answer.body, format);
  Table table = EventTable(At(answer.body, "/items"), client.clock());
  if (table.empty()) Note("there are no events");
  return Print(table.Text());
}

}  // namespace

void AddEvents(Command& command, Client& client) {
  auto name = std::make_shared<std::string>();
  command.Positional(name.get(), "KIND/NAME", "Only of this one; a bare name is a service",
                     Need::kOptional);
  command.Example("events");
  command.Example("events fraud");
  command.Run([&client, name] { return Events(client, *name); });
}

}  // namespace slipway::cli
