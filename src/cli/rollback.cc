// slipway rollback SERVICE
#include <memory>

#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/deployment.h"

namespace slipway::cli {
namespace {

struct Options {
  std::string service;
  WaitOptions wait;
};

Result<void> Rollback(Client& client, const Options& options) {
  TRY_VOID(client.OutputFormat());
  TRY(wanted, ParseKindName(options.service));
  if (wanted.kind != "service") {
    return Unimplemented("KIND_UNSUPPORTED", "only services can be rolled back");
  }
  TRY(api, client.Api());
  std::string path = ResourcePath("services", false, client.Project(), wanted.name) + "/rollback";
  TRY(answer, api->Post(path, Json::object()));
  return FinishDeployment(client, client.Project(), answer.body, /*changed=*/true, options.wait);
}

}  // namespace

void AddRollback(Command& command, Client& client) {
  auto options = std::make_shared<Options>();
  command.Positional(&options->service, "SERVICE", "Service to take back");
  command.Flag(&options->wait.no_wait, "--no-wait", "Return before the revision is ready");
  command.Option(&options->wait.timeout_s, "--timeout", 1, 86'400, "Seconds to wait (300)");
  command.Example("rollback fraud");
  command.Run([&client, options] { return Rollback(client, *options); });
}

}  // namespace slipway::cli
