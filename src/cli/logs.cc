// slipway logs [-f] SERVICE
#include <memory>

#include "cli/commands.h"
#include "cli/text.h"

namespace slipway::cli {
namespace {

struct Options {
  std::string service;
  bool follow = false;
};

Result<void> Logs(Client& client, const Options& options) {
  TRY(wanted, ParseKindName(options.service));
  if (wanted.kind != "service") {
    return Unimplemented("KIND_UNSUPPORTED", "only services have logs");
  }
  TRY(api, client.Api());
  std::string path = ResourcePath("services", false, client.Project(), wanted.name) + "/logs";
  if (options.follow) path += "?follow=1";
  return api->Stream(
      path, [](std::string_view piece) { return Print(Printable(piece, /*keep_lines=*/true)); });
}

}  // namespace

void AddLogs(Command& command, Client& client) {
  auto options = std::make_shared<Options>();
  command.Positional(&options->service, "SERVICE", "Whose log");
  command.Flag(&options->follow, "-f,--follow", "Go on with what is written from now on");
  command.Example("logs fraud");
  command.Example("logs -f fraud");
  command.Run([&client, options] { return Logs(client, *options); });
}

}  // namespace slipway::cli
