// slipway explain [PATH]
#include "resource/explain.h"

#include <memory>

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/text.h"
#include "net/http_message.h"

namespace slipway::cli {
namespace {

using resource::Explanation;

// A server that does not answer soon is done without.
constexpr std::chrono::seconds kPatience{2};

// What the server of the context says, whose kinds may be others than those of this program.
Result<Explanation> AskServer(Client& client, const std::string& path) {
  TRY(api, client.Api());
  net::ClientRequest request;
  request.url = "/api/v1/explain?path=" + net::PercentEncode(path);
  request.timeout = kPatience;
  TRY(response, api->Send(std::move(request)));
  if (response.status != 200) return ErrorOfProblem(response.status, response.body);
  TRY(json, ParseJson(response.body));
  return Decode<Explanation>(json, "", UnknownFields::kIgnore);
}

Result<Explanation> Find(Client& client, const std::string& path) {
  Result<Explanation> said = AskServer(client, path);
  const bool settled = said.has_value() || said.error().reason() == "KIND_UNKNOWN" ||
                       said.error().reason() == "FIELD_UNKNOWN";
  return settled ? said : resource::Explain(path);
}

Result<void> Explain(Client& client, const std::string& path) {
  TRY(format, client.OutputFormat());
  TRY(explanation, Find(client, path));
  if (format == Format::kJson || format == Format::kYaml) {
    return PrintJson(Encode(explanation), format);
  }
  if (format == Format::kName) {
    for (const resource::ExplainedField& field : explanation.fields) {
      TRY_VOID(PrintLine(Printable(field.name)));
    }
    return {};
  }
  if (!path.empty()) return Print(Printable(resource::TextOf(explanation), true));
  Table table({"KIND", "PLURAL", "MEANING"});
  for (const resource::ExplainedField& kind : explanation.fields) {
    table.Add({kind.name, kind.type, kind.text});
  }
  return Print(table.Text());
}

}  // namespace

void AddExplain(Command& command, Client& client) {
  auto path = std::make_shared<std::string>();
  command.Positional(path.get(), "PATH", "A kind, or a field of it; without it, the kinds",
                     Need::kOptional);
  command.Example("explain");
  command.Example("explain service");
  command.Example("explain service.spec.predictor");
  command.Run([&client, path] { return Explain(client, *path); });
}

}  // namespace slipway::cli
