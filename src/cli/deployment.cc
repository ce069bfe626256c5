#include "cli/deployment.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/output.h"
#include "cli/resource_table.h"
#include "cli/text.h"
#include "cli/wait.h"

namespace slipway::cli {
namespace {

// Where the traffic gives the new revision nothing: then what was done is only half of it.
void NotePinned(const Json& service) {
  const Json& split = At(service, "/spec/traffic/split");
  const int64_t revision = NumberAt(service, "/status/latestRevision");
  if (!split.is_array() || split.empty()) return;
  for (const Json& part : split) {
    // Without a weight it is the whole.
    const bool has_share = NumberAt(part, "/weight", 1) > 0;
    if (NumberAt(part, "/revision") == revision && has_share) return;
  }
  const std::string name = TextAt(service, "/metadata/name");
  Note(Printable(
      fmt::format("spec.traffic of service {} names its revisions: revision {} is loaded and gets "
                  "nothing of the default route until `slipway traffic set {} {}=100%`",
                  name, revision, name, revision)));
}

Result<void> PrintService(Client& client, const Json& service, bool changed, Settled settled) {
  TRY(format, client.OutputFormat());
  if (format == Format::kJson || format == Format::kYaml) return PrintJson(service, format);
  std::string name = TextAt(service, "/metadata/name");
  if (format == Format::kName) return PrintLine(Printable("service/" + name));
  std::string model = ModelOf(service);
  int64_t revision = NumberAt(service, "/status/latestRevision");
  std::string text;
  if (settled == Settled::kOnTrial) {
    text = fmt::format(
        "service {}: {} (revision {}) is ready and takes the steps of its canary; "
        "`slipway canary show {}` follows it",
        name, model, revision, name);
  } else if (settled != Settled::kReady) {
    text = fmt::format("service {}: {} is on its way", name, model);
  } else if (!changed) {
    text = fmt::format("service {} serves {} already (revision {}); nothing changed", name, model,
                       revision);
  } else {
    text = fmt::format("service {} serves {} (revision {})", name, model, revision);
  }
  return PrintLine(Printable(text));
}

}  // namespace

Result<std::string> PinReference(ApiClient& api, const ModelName& model) {
  std::string name = model.repository + (model.tag.empty() ? "" : ":" + model.tag);
  net::ClientRequest request;  // not HEAD: its refusals come without words
  request.url = fmt::format("/v2/{}/manifests/{}", model.repository, model.selector);
  request.headers.emplace_back("Accept", "*/*");
  TRY(response, api.Send(std::move(request)));
  std::optional<std::string> digest = response.Header("Docker-Content-Digest");
  if (response.status == 200 && digest) return name + "@" + *digest;
  if (response.status == 404) {
    return NotFound(
        "MANIFEST_UNKNOWN",
        fmt::format("there is no model {}; `slipway models` lists those there are", name));
  }
  Error error = ErrorOfProblem(response.status, response.body);
  return error.Prefixed(fmt::format("model {}: ", name));
}

Result<void> FinishDeployment(Client& client, const std::string& project, const Json& service,
                              bool changed, const WaitOptions& options) {
  TRY(api, client.Api());
  int64_t generation = NumberAt(service, "/metadata/generation");
  std::string name = TextAt(service, "/metadata/name");
  if (options.no_wait) {
    return PrintService(client, service, changed, SettledAt(service, generation));
  }
  TRY(now, WaitUntilSettled(*api, project, name, generation,
                            WaitLimit(client.clock(), options.timeout_s)));
  Settled settled = SettledAt(now, generation);
  if (settled == Settled::kReady || settled == Settled::kOnTrial) {
    NotePinned(now);
    return PrintService(client, now, changed, settled);
  }
  TRY(format, client.OutputFormat());
  if (format == Format::kJson || format == Format::kYaml) {
    TRY_VOID(PrintJson(now, format));
  }
  // The condition's message names the revision, and what still answers.
  return FailedPrecondition("REVISION_FAILED",
                            fmt::format("service {}: {}", name, ReadyMessage(now)));
}

}  // namespace slipway::cli
