// slipway get KIND [NAME]
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/listing.h"
#include "cli/resource_table.h"
#include "cli/text.h"
#include "net/http_message.h"

namespace slipway::cli {
namespace {

struct Options {
  std::string kind;
  std::string name;
  std::string label;
  bool watch = false;
};

Result<void> PrintEvent(const resource::KindInfo& kind, const ApiEvent& event, Format format,
                        Table& table, Clock& clock) {
  if (format == Format::kJson) {
    return PrintLine(DumpJson(Json{{"type", event.type}, {"resource", event.data}}));
  }
  if (format == Format::kYaml) return Print("---\n" + DumpYaml(event.data));
  if (format == Format::kName) return PrintLine(Printable(NameOf(kind, event.data)));
  std::vector<std::string> cells = CellsOf(kind, event.data, format == Format::kWide, clock);
  cells.insert(cells.begin(), event.type);
  bool first = table.empty();
  table.Add(std::move(cells));
  return Print(first ? table.Text() : table.LastRow());
}

// Prints what is there, then every change, until interrupted.
Result<void> WatchKind(Client& client, const resource::KindInfo& kind, const Options& options,
                       Format format) {
  TRY(api, client.Api());
  TRY(list, ListAll(*api, kind, client.Project(), options.label));
  std::vector<std::string> titles = TitlesOf(kind, format == Format::kWide);
  titles.insert(titles.begin(), "EVENT");
  Table table(std::move(titles));
  auto wanted = [&](const Json& resource) {
    return options.name.empty() || TextAt(resource, "/metadata/name") == options.name;
  };
  for (const Json& item : At(list, "/items")) {
    if (!wanted(item)) continue;
    TRY_VOID(
        PrintEvent(kind, {.type = "is", .id = {}, .data = item}, format, table, client.clock()));
  }
  std::string path =
      fmt::format("{}?watch=1&after={}", ResourcePath(kind.plural, kind.global, client.Project()),
                  NumberAt(list, "/metadata/version"));
  if (!options.label.empty()) path += "&label=" + net::PercentEncode(options.label);
  return api->Watch(path, [&](const ApiEvent& event) -> Result<bool> {
    if (event.type == "bookmark" || !wanted(event.data)) return true;
    TRY_VOID(PrintEvent(kind, event, format, table, client.clock()));
    return true;
  });
}

Result<void> Get(Client& client, Options options) {
  if (size_t slash = options.kind.find('/'); slash != std::string::npos && options.name.empty()) {
    options.name = options.kind.substr(slash + 1);
    options.kind.resize(slash);
  }
  TRY(kind, KindOf(options.kind));
  TRY(format, client.OutputFormat());
  if (options.watch) return WatchKind(client, *kind, options, format);
  TRY(api, client.Api());
  if (!options.name.empty()) {
    TRY(answer, api->Get(ResourcePath(kind->plural, kind->global, client.Project(), options.name)));
    return PrintResource(*kind, answer.body, format, client.clock());
  }
  TRY(list, ListAll(*api, *kind, client.Project(), options.label));
  std::string where = kind->global ? "" : " in project " + client.Project();
  return PrintResources(*kind, list, format, client.clock(),
                        fmt::format("there are no {}{}", kind->plural, where));
}

}  // namespace

void AddGet(Command& command, Client& client) {
  auto options = std::make_shared<Options>();
  command.Positional(&options->kind, "KIND", "Kind, or KIND/NAME");
  command.Positional(&options->name, "NAME", "Name of one resource", Need::kOptional);
  command.Option(&options->label, "-l,--label", "SELECTOR", "Only these: team=vision,!draft");
  command.Flag(&options->watch, "-w,--watch", "Go on and show every change");
  command.Example("get services");
  command.Example("get revisions -l slipway/service=fraud -o wide");
  command.Example("get service fraud -o yaml");
  command.Run([&client, options] { return Get(client, *options); });
}

void AddServices(Command& command, Client& client) {
  auto options = std::make_shared<Options>();
  options->kind = "service";
  command.Option(&options->label, "-l,--label", "SELECTOR", "Only these: team=vision,!draft");
  command.Flag(&options->watch, "-w,--watch", "Go on and show every change");
  command.Example("services");
  command.Example("services --watch");
  command.Run([&client, options] { return Get(client, *options); });
}

}  // namespace slipway::cli
