// slipway token create|list|revoke
#include <charconv>
#include <memory>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/format_check.h"
#include "cli/commands.h"
#include "cli/listing.h"
#include "cli/resource_table.h"
#include "cli/text.h"
#include "net/http_message.h"

namespace slipway::cli {
namespace {

struct Options {
  std::string name;
  std::string role;
  std::string service;
  std::string expires;
  std::string rate;
  std::optional<int64_t> burst;
  std::optional<int64_t> concurrent;
};

// `spec.limits`; null: there are none.
Result<Json> LimitsOf(const Options& options) {
  Json limits;
  if (!options.rate.empty()) {
    double rate = 0;
    const char* end = options.rate.data() + options.rate.size();
    const auto [stopped, fault] = std::from_chars(options.rate.data(), end, rate);
    if (fault != std::errc() || stopped != end || !(rate > 0)) {
      return InvalidArgument("USAGE", fmt::format("--rate: requests a second, such as 10 or 0.5, "
                                                  "got {}",
                                                  options.rate));
    }
    limits["requestsPerSecond"] = rate;
  }
  if (options.burst && options.rate.empty()) {
    return InvalidArgument("USAGE", "--burst: is how far a caller may be ahead of --rate; give it");
  }
  if (options.burst) limits["burst"] = *options.burst;
  if (options.concurrent) limits["concurrent"] = *options.concurrent;
  return limits;
}

// Tokens are known everywhere; below a project are those of that project, for its admins.
std::string TokensPath(const Client& client, bool of_project) {
  bool global = client.options().project.empty() && !of_project;
  return ResourcePath("tokens", global, client.Project());
}

Result<Json> SpecOf(const Client& client, const Options& options) {
  const GeneralOptions& general = client.options();
  Json spec = {{"role", options.role.empty() ? "viewer" : options.role}};
  if (!general.project.empty()) spec["project"] = general.project;
  if (!options.service.empty()) {
    spec["service"] = options.service;
    spec["project"] = client.Project();
  } else if (options.role.empty()) {
    return InvalidArgument("FIELD_REQUIRED",
                           "--role: viewer, editor, admin, site or packager; or "
                           "--service for a key to one service");
  }
  TRY(limits, LimitsOf(options));
  if (!limits.is_null()) spec["limits"] = std::move(limits);
  if (!options.expires.empty()) {
    Result<std::chrono::milliseconds> duration = ParseDuration(options.expires);
    if (!duration) return duration.error().Prefixed("--expires: ");
    spec["expiresAt"] = FormatRfc3339(SystemClock().Wall() + *duration);
  }
  return spec;
}

// A secret that was not shown is of no use to anybody, but valid: it is taken back.
Error TakenBack(ApiClient& api, const std::string& path, const std::string& name,
                const Error& error) {
  if (const Result<ApiAnswer> revoked = api.Delete(path); !revoked) {
    return error.Prefixed(fmt::format(
        "the secret of token {0} could not be written, and the token not be revoked ({1}): do "
        "`slipway token revoke {0}`: ",
        name, revoked.error().message()));
  }
  return error.Prefixed(fmt::format(
      "the secret of token {} could not be written, so the token was revoked again: ", name));
}

// A key may be made before its service; more often the name was misspelt.
void WarnOfMissingService(Client& client, ApiClient& api, const std::string& service) {
  const auto found = api.Get(ResourcePath("services", false, client.Project(), service));
  if (found || found.error().code() != Code::kNotFound) return;
  Note(Printable(
      fmt::format("warning: there is no service {} in project {} yet", service, client.Project())));
}

Result<void> PrintSecret(Format format, const Json& answer) {
  if (format == Format::kJson || format == Format::kYaml) return PrintJson(answer, format);
  Note(fmt::format("token {}; its secret is shown this once:", TextAt(answer, "/metadata/name")));
  return PrintLine(TextAt(answer, "/secret"));
}

Result<void> Create(Client& client, const Options& options) {
  TRY(format, client.OutputFormat());
  TRY(spec, SpecOf(client, options));
  TRY(api, client.Api());
  Json resource = {{"apiVersion", "slipway/v1"}, {"kind", "Token"}, {"spec", spec}};
  resource["metadata"] = Json::object();
  if (!options.name.empty()) resource["metadata"]["name"] = options.name;
  const std::string path = TokensPath(client, !options.service.empty());
  TRY(answer, api->Post(path, resource));
  if (!options.service.empty()) WarnOfMissingService(client, *api, options.service);
  if (Result<void> shown = PrintSecret(format, answer.body); !shown) {
    const std::string name = TextAt(answer.body, "/metadata/name");
    return TakenBack(*api, path + "/" + net::PercentEncode(name), name, shown.error());
  }
  return {};
}

Result<void> List(Client& client) {
  TRY(format, client.OutputFormat());
  TRY(kind, KindOf("token"));
  TRY(api, client.Api());
  resource::KindInfo listed = *kind;
  listed.global = client.options().project.empty();
  TRY(list, ListAll(*api, listed, client.Project()));
  return PrintResources(*kind, list, format, client.clock(), "there are no tokens");
}

Result<void> Revoke(Client& client, const std::string& name) {
  TRY(format, client.OutputFormat());
  TRY(api, client.Api());
  TRY(gone, api->Delete(TokensPath(client, false) + "/" + net::PercentEncode(name)));
  return PrintOutcome(format, gone.body, "token/" + name, fmt::format("token {} revoked", name));
}

}  // namespace

void AddToken(Command& command, Client& client) {
  Command& create = command.Sub("create", "Make a token; the secret alone goes to standard output");
  auto options = std::make_shared<Options>();
  create.Positional(&options->name, "NAME", "Name of the token (chosen)", Need::kOptional);
  create.Choice(&options->role, "--role", {"viewer", "editor", "admin", "site", "packager"},
                "What it may do; in --project, or without that in all projects");
  create.Option(&options->service, "--service", "SERVICE", "A key to ask this one service only");
  create.Option(&options->expires, "--expires", "DURATION", "Valid for: 12h, 30d (for ever)");
  create.Option(&options->rate, "--rate", "N", "Inferences a second, at most (any number)");
  create.Option(&options->burst, "--burst", 1, 1'000'000,
                "Of them at once after a pause (a second's)");
  create.Option(&options->concurrent, "--concurrent", 1, 100'000,
                "Inferences at the same time, at most");
  create.Example("token create ci --project vision --role editor --expires 90d > ci.token");
  create.Example("token create --service fraud > fraud.key");
  create.Example("token create --service fraud --rate 10 --burst 20 --concurrent 4 > fraud.key");
  create.Run([&client, options] { return Create(client, *options); });

  Command& list = command.Sub("list", "List tokens, never their secrets");
  list.Example("token list");
  list.Run([&client] { return List(client); });

  Command& revoke = command.Sub("revoke", "Make a token worthless");
  auto name = std::make_shared<std::string>();
  revoke.Positional(name.get(), "NAME", "Which one");
  revoke.Example("token revoke ci");
  revoke.Run([&client, name] { return Revoke(client, *name); });
}

}  // namespace slipway::cli
