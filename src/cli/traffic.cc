// slipway traffic show|set|clear|explain
#include <charconv>
#include <cmath>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/input.h"
#include "cli/listing.h"
#include "cli/resource_table.h"
#include "cli/text.h"
#include "cli/traffic_text.h"
#include "resource/kinds/service.h"

namespace slipway::cli {
namespace {

constexpr uint64_t kMaxExplainedBytes = 1 << 20;

Result<std::string> ServiceOf(const std::string& text) {
  TRY(wanted, ParseKindName(text));
  if (wanted.kind == "service") return wanted.name;
  return Unimplemented("KIND_UNSUPPORTED", "only services have traffic");
}

std::string PathOf(const Client& client, const std::string& service) {
  return ResourcePath("services", false, client.Project(), service);
}

// What is in effect. A server of another version may have fields that this program does not know.
std::optional<routing::TrafficSpec> TrafficOf(const Json& service) {
  auto spec = Decode<resource::ServiceSpec>(At(service, "/spec"), "spec", UnknownFields::kIgnore);
  auto status =
      Decode<resource::ServiceStatus>(At(service, "/status"), "status", UnknownFields::kIgnore);
  if (!spec || !status) return std::nullopt;
  return resource::TrafficOf(*spec, *status);
}

Result<void> Show(Client& client, const std::string& text) {
  TRY(format, client.OutputFormat());
  TRY(name, ServiceOf(text));
  TRY(api, client.Api());
  TRY(service, api->Get(PathOf(client, name)));
  if (format == Format::kJson || format == Format::kYaml) {
    const Json traffic = At(service.body, "/spec/traffic");
    return PrintJson(traffic.is_object() ? traffic : Json::object(), format);
  }
  if (format == Format::kName) return PrintLine(Printable("service/" + name));
  TRY(kind, KindOf("revision"));
  TRY(list, ListAll(*api, *kind, client.Project(), "slipway/service=" + name));
  const std::optional<routing::TrafficSpec> traffic = TrafficOf(service.body);
  TRY_VOID(Print(TrafficTable(traffic, list).Text()));
  if (traffic) TRY_VOID(Print(TrafficText(*traffic)));
  return {};
}

// "3=2500" or "3=25%"; the server says what is wrong with the whole.
Result<routing::SplitPart> ParsePart(const std::string& text) {
  const auto fault = [&text] {
    return InvalidArgument(
        "SPLIT_MALFORMED",
        fmt::format("{}: a share is REVISION=WEIGHT, such as 3=2500 (of 10000) or 3=25%",
                    Printable(text)));
  };
  const size_t equals = text.find('=');
  if (equals == std::string::npos) return fault();
  const char* const end = text.data() + text.size();
  routing::SplitPart part;
  auto read = std::from_chars(text.data(), text.data() + equals, part.revision);
  if (read.ec != std::errc() || read.ptr != text.data() + equals) return fault();
  double weight = 0;
  read = std::from_chars(text.data() + equals + 1, end, weight);
  if (read.ec != std::errc() || !(weight >= 0 && weight <= routing::kWholeWeight)) return fault();
  const bool is_percent = read.ptr + 1 == end && *read.ptr == '%';
  if (is_percent) weight *= 100;
  if (!is_percent && read.ptr != end) return fault();
  part.weight = static_cast<int32_t>(std::lround(weight));
  const double off = weight - part.weight;
  if (off > 1e-6 || off < -1e-6) return fault();
  return part;
}

struct SetOptions {
  std::string service;
  std::vector<std::string> parts;
};

// The new traffic of the service, by a merge patch.
Result<void> Change(Client& client, const std::string& name, Json traffic, std::string_view done) {
  TRY(format, client.OutputFormat());
  TRY(api, client.Api());
  TRY(answer, api->Patch(PathOf(client, name), Json{{"spec", {{"traffic", std::move(traffic)}}}}));
  return PrintOutcome(format, answer.body, "service/" + name,
                      fmt::format("service {}: {}{}", name, done,
                                  answer.change == "unchanged" ? " already; nothing changed" : ""));
}

Result<void> Set(Client& client, const SetOptions& options) {
  TRY(name, ServiceOf(options.service));
  Json split = Json::array();
  std::vector<routing::SplitPart> parts;
  for (const std::string& text : options.parts) {
    TRY(part, ParsePart(text));
    split.push_back(Encode(part));
    parts.push_back(part);
  }
  return Change(client, name, Json{{"split", std::move(split)}}, SplitText(parts));
}

Result<void> Clear(Client& client, const std::string& text) {
  TRY(name, ServiceOf(text));
  return Change(client, name, nullptr, "the newest revision that is ready gets all");
}

struct ExplainOptions {
  std::string service;
  std::string path;
  std::string query;
  std::string body;
  std::string key;
  std::vector<std::string> headers;
};

Result<Json> RequestOf(const ExplainOptions& options) {
  Json request = {{"path", options.path}, {"query", options.query}};
  request["headers"] = Json::object();
  for (const std::string& header : options.headers) {
    const size_t at = header.find_first_of("=:");
    if (at == std::string::npos || at == 0) {
      return InvalidArgument("HEADER_MALFORMED",
                             fmt::format("--header {}: NAME=VALUE is wanted", Printable(header)));
    }
    std::string value = header.substr(at + 1);
    if (header[at] == ':' && value.starts_with(' ')) value.erase(0, 1);
    request["headers"][header.substr(0, at)] = value;
  }
  if (!options.body.empty()) {
    TRY(body, ReadInput(options.body, kMaxExplainedBytes));
    request["body"] = std::move(body);
  }
  if (!options.key.empty()) request["key"] = options.key;
  return request;
}

Result<void> Explain(Client& client, const ExplainOptions& options) {
  TRY(format, client.OutputFormat());
  TRY_VOID(CheckNotNames(format, "an explanation"));
  TRY(name, ServiceOf(options.service));
  TRY(request, RequestOf(options));
  TRY(api, client.Api());
  TRY(answer, api->Post(PathOf(client, name) + "/traffic/explain", request));
  if (format == Format::kJson || format == Format::kYaml) return PrintJson(answer.body, format);
  return Print(ExplanationText(answer.body));
}

void AddExplainTraffic(Command& command, Client& client) {
  auto options = std::make_shared<ExplainOptions>();
  command.Positional(&options->service, "SERVICE", "Service that is asked");
  command.Options(&options->headers, "--header", "NAME=VALUE", "A header of the request");
  command.Option(&options->path, "--path", "PATH", "Its path (that of infer)");
  command.Option(&options->query, "--query", "QUERY", "Its query: a=1&b=2");
  command.Option(&options->body, "--body", "FILE", "Its body as V2 JSON; - is standard input");
  command.Option(&options->key, "--key", "KEY", "Its sticky key, wherever that would be");
  command.Example("traffic explain fraud --header x-group=beta");
  command.Example("traffic explain fraud --body x.json --key user-17 -o json");
  command.Run([&client, options] { return Explain(client, *options); });
}

}  // namespace

void AddTraffic(Command& command, Client& client) {
  auto service = std::make_shared<std::string>();
  Command& show = command.Sub("show", "Show the revisions of a service and what each gets");
  show.Positional(service.get(), "SERVICE", "Which one");
  show.Example("traffic show fraud");
  show.Run([&client, service] { return Show(client, *service); });

  Command& set = command.Sub("set", "Divide the requests that no rule takes");
  auto options = std::make_shared<SetOptions>();
  set.Positional(&options->service, "SERVICE", "Service to change");
  set.Positionals(&options->parts, "REVISION=WEIGHT", "Shares that add up to 10000, or to 100%");
  set.Example("traffic set fraud 3=9000 4=1000");
  set.Example("traffic set fraud 4=100%");
  set.Run([&client, options] { return Set(client, *options); });

  Command& clear = command.Sub("clear", "Remove rules, split, sticky key and shadow");
  clear.Positional(service.get(), "SERVICE", "Service to change");
  clear.Example("traffic clear fraud");
  clear.Run([&client, service] { return Clear(client, *service); });

  AddExplainTraffic(command.Sub("explain", "Show which revision a request reaches, and why"),
                    client);
}

}  // namespace slipway::cli
