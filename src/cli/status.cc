// slipway status
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/listing.h"
#include "cli/text.h"

namespace slipway::cli {
namespace {

// How one HTTP endpoint is: "ready", "not ready (503)" or "unreachable"; `warning` is what a ready
// one says is in its way.
struct Health {
  std::string text;
  std::string warning;
};

constexpr std::string_view kReady = "ready";
constexpr size_t kMaxWarningBytes = 500;

Health HealthOf(ApiClient& api, const std::string& url) {
  net::ClientRequest request;
  request.url = url;
  request.timeout = std::chrono::seconds(5);
  Result<net::ClientResponse> response = api.Send(std::move(request));
  if (!response) return {.text = "unreachable", .warning = {}};
  if (response->status != 200) {
    return {.text = fmt::format("not ready ({})", response->status), .warning = {}};
  }
  Health health{.text = std::string(kReady), .warning = {}};
  const std::string prefix = std::string(kReady) + ": ";
  if (response->body.starts_with(prefix)) {
    health.warning = response->body.substr(prefix.size(), kMaxWarningBytes);
    health.warning.resize(health.warning.find_last_not_of('\n') + 1);
  }
  return health;
}

Json ToJson(const std::string& address, const Health& health) {
  Json json = {{"address", address}, {"health", health.text}};
  if (!health.warning.empty()) json["warning"] = health.warning;
  return json;
}

// The state of the data plane at the site, as its agent reports it.
Json SiteOf(ApiClient& api) {
  Result<ApiAnswer> site = api.Get("/api/v1/sites/local");
  return site ? At(site->body, "/status") : Json();
}

Result<Json> CountPhases(ApiClient& api, const std::string& project) {
  Json counts = Json::object();
  TRY(list, ListAll(api, *resource::FindKind("service"), project));
  for (const Json& service : At(list, "/items")) {
    std::string phase = TextAt(service, "/status/phase", "Pending");
    counts[phase] = counts.value(phase, 0) + 1;
  }
  return counts;
}

Result<Json> Gather(Client& client) {
  TRY(api, client.Api());
  const Context& context = api->context();
  TRY(services, CountPhases(*api, client.Project()));
  Json site = SiteOf(*api);
  Json status = {{"context", context.name},
                 {"server", ToJson(context.address, HealthOf(*api, "/readyz"))},
                 {"serve", Json::object()},
                 {"services", services}};
  if (!context.inference.empty()) {
    status["serve"] =
        ToJson(context.inference, HealthOf(*api, context.inference + "/v2/health/ready"));
  }
  if (int64_t pid = NumberAt(site, "/pid"); pid > 0) status["serve"]["pid"] = pid;
  if (TextAt(site, "/phase") == "Degraded") {
    status["serve"]["warning"] = TextAt(site, "/conditions/0/message");
  }
  return status;
}

Result<void> Status(Client& client) {
  TRY(format, client.OutputFormat());
  TRY_VOID(CheckNotNames(format, "what `slipway status` shows"));
  TRY(status, Gather(client));
  if (format == Format::kJson || format == Format::kYaml) return PrintJson(status, format);
  std::string services;
  for (const auto& [phase, count] : status["services"].items()) {
    services += fmt::format("{}{} {}", services.empty() ? "" : ", ", count.get<int>(), phase);
  }
  Table table({"PART", "STATE", "ADDRESS"});
  table.Add(
      {"control centre", TextAt(status, "/server/health"), TextAt(status, "/server/address")});
  table.Add({"data plane", TextAt(status, "/serve/health"), TextAt(status, "/serve/address")});
  table.Add({"services of " + client.Project(), services.empty() ? "none" : services, ""});
  TRY_VOID(Print(table.Text()));
  for (const char* part : {"/server/warning", "/serve/warning"}) {
    const std::string warning = TextAt(status, part);
    if (!warning.empty()) TRY_VOID(PrintLine(Printable("warning: " + warning)));
  }
  return {};
}

}  // namespace

void AddStatus(Command& command, Client& client) {
  command.Example("status");
  command.Example("status -o json");
  command.Run([&client] { return Status(client); });
}

}  // namespace slipway::cli
