// slipway rollback SERVICE
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/deployment.h"
#include "cli/output.h"
#include "cli/text.h"

namespace slipway::cli {
namespace {

struct Options {
  std::string service;
  WaitOptions wait;
};

bool IsFollowing(const Json& service) {
  return At(service, "/spec/follow") == Json(true);
}

Result<void> Rollback(Client& client, const Options& options) {
  TRY_VOID(client.OutputFormat());
  TRY(wanted, ParseKindName(options.service));
  if (wanted.kind != "service") {
    return Unimplemented("KIND_UNSUPPORTED", "only services can be rolled back");
  }
  TRY(api, client.Api());
  const std::string path = ResourcePath("services", false, client.Project(), wanted.name);
  TRY(before, api->Get(path));
  TRY(answer, api->Post(path + "/rollback", Json::object()));
  if (IsFollowing(before.body) && !IsFollowing(answer.body)) {
    Note(
        fmt::format("service {} follows its tag no more: `slipway upgrade` or an apply with "
                    "spec.follow takes it forward again",
                    wanted.name));
  }
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
