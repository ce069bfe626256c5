// slipway infer SERVICE --input x.json
#include <unistd.h>

#include <cstdio>
#include <iterator>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/file_system.h"
#include "cli/commands.h"
#include "cli/input.h"
#include "cli/text.h"
#include "net/http_message.h"

namespace slipway::cli {
namespace {

constexpr uint64_t kMaxRequestBytes = 64 << 20;  // what the data plane takes
constexpr size_t kShownValues = 8;

struct Options {
  std::string service;
  std::string input;
  std::string version;
};

std::string UrlOf(const Context& context, const std::string& project, const Options& options) {
  std::string url = context.inference;
  if (project != "default") url += "/p/" + net::PercentEncode(project);
  url += "/v2/models/" + net::PercentEncode(options.service);
  if (!options.version.empty()) url += "/versions/" + net::PercentEncode(options.version);
  return url + "/infer";
}

// V2 answers errors as {"error": "text"}; what was refused before it saw the request is a problem
// document.
Error ErrorOf(int status, const std::string& body) {
  Result<Json> json = ParseJson(body);
  std::string text = json ? TextAt(*json, "/error") : "";
  if (json && !TextAt(*json, "/detail").empty()) return ErrorOfProblem(status, body);
  Error plain = ErrorOfProblem(status, "");
  return Error(
      plain.code(), "INFERENCE_REFUSED",
      text.empty() ? fmt::format("the data plane answered {} without a reason", status) : text);
}

std::string Shortened(const Json& data) {
  std::string text;
  size_t shown = 0;
  for (const Json& value : data) {
    if (shown == kShownValues) {
      return text + fmt::format(" ... ({} values)", data.size());
    }
    text += (shown++ == 0 ? "" : " ") + DumpJson(value);
  }
  return text;
}

Result<void> PrintAnswer(const std::string& body, Format format) {
  Result<Json> json = ParseJson(body, {.max_bytes = 1 << 30, .max_values = 200'000'000});
  if (!json) return json.error().Prefixed("the data plane's answer: ");
  if (format == Format::kJson || format == Format::kYaml) return PrintJson(*json, format);
  Table table({"OUTPUT", "TYPE", "SHAPE", "DATA"});
  for (const Json& output : At(*json, "/outputs")) {
    table.Add({TextAt(output, "/name"), TextAt(output, "/datatype"), DumpJson(At(output, "/shape")),
               Shortened(At(output, "/data"))});
  }
  return Print(table.Text());
}

Result<void> Infer(Client& client, const Options& options) {
  TRY(format, client.OutputFormat());
  TRY(api, client.Api());
  if (api->context().inference.empty()) {
    return FailedPrecondition(
        "INFERENCE_MISSING",
        fmt::format(
            "context {} has no data plane: `slipway context add {} --address {} --inference "
            "URL` names it",
            api->context().name, api->context().name, api->context().address));
  }
  TRY(body, ReadInput(options.input, kMaxRequestBytes));
  net::ClientRequest request;
  request.method = "POST";
  request.url = UrlOf(api->context(), client.Project(), options);
  request.body = std::move(body);
  request.headers.emplace_back("Content-Type", "application/json");
  request.max_response_bytes = 1 << 30;
  TRY(response, api->Send(std::move(request)));
  if (response.status != 200) return ErrorOf(response.status, response.body);
  return PrintAnswer(response.body, format);
}

}  // namespace

void AddInfer(Command& command, Client& client) {
  auto options = std::make_shared<Options>();
  command.Positional(&options->service, "SERVICE", "Service to ask");
  command.Option(&options->input, "-i,--input", "FILE", "Request as V2 JSON; - is standard input",
                 Need::kRequired);
  command.Option(&options->version, "--revision", "N", "Ask this revision (the one that is ready)");
  command.Example("infer fraud --input x.json");
  command.Example("infer fraud --input - -o json < x.json");
  command.Run([&client, options] { return Infer(client, *options); });
}

}  // namespace slipway::cli
