// slipway infer SERVICE --input x.json, or --batch in.jsonl --out out.jsonl
#include <unistd.h>

#include <cstdio>
#include <iterator>
#include <memory>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/file_system.h"
#include "cli/commands.h"
#include "cli/infer/batch.h"
#include "cli/infer/client_certificate.h"
#include "cli/infer/inference_error.h"
#include "cli/infer/limits.h"
#include "cli/infer/service_url.h"
#include "cli/input.h"
#include "cli/text.h"

namespace slipway::cli {
namespace {

constexpr size_t kShownValues = 8;

struct Options {
  std::string service;
  std::string input;
  std::string version;
  std::string batch;
  std::string out;
  std::optional<int64_t> jobs;
};

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
  Result<Json> json = ParseJson(body, {.max_bytes = kMaxAnswerBytes, .max_values = 200'000'000});
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
  TRY(url, ServiceUrl(api->context(), client.Project(), options.service, options.version));
  if (!options.batch.empty()) {
    return RunBatch(client, {.input = options.batch,
                             .output = options.out,
                             .jobs = static_cast<size_t>(options.jobs.value_or(kDefaultBatchJobs)),
                             .url = url + "/infer"});
  }
  TRY(body, ReadInput(options.input, kMaxRequestBytes));
  net::ClientRequest request;
  request.method = "POST";
  request.url = url + "/infer";
  request.body = std::move(body);
  request.headers.emplace_back("Content-Type", "application/json");
  request.max_response_bytes = kMaxAnswerBytes;
  TRY(response, api->Send(std::move(request)));
  if (response.status != 200) return InferenceError(response.status, response.body);
  return PrintAnswer(response.body, format);
}

Result<void> CheckOptions(const Options& options) {
  if (options.batch.empty() == options.input.empty()) {
    return InvalidArgument("ARGUMENT_MISSING",
                           "either --input, one request, or --batch, many of them");
  }
  if (options.batch.empty() == options.out.empty()) return {};
  return InvalidArgument("ARGUMENT_MISSING", "--batch and --out belong together");
}

}  // namespace

void AddInfer(Command& command, Client& client) {
  auto options = std::make_shared<Options>();
  command.Positional(&options->service, "SERVICE", "Service to ask");
  command.Option(&options->input, "-i,--input", "FILE", "Request as V2 JSON; - is standard input");
  command.Option(&options->version, "--revision", "N", "Ask this revision (the one that is ready)");
  command.Option(&options->batch, "--batch", "FILE|DIR",
                 "Many requests: a line each of a .jsonl file, or all .json and .jsonl files of a "
                 "folder");
  command.Option(&options->out, "--out", "FILE",
                 "The answers to --batch, a line each; the same command goes on where it was cut");
  command.Option(&options->jobs, "--jobs", 1, kMaxBatchJobs,
                 "Requests of --batch at the same time (4)");
  AddCertificateOptions(command, client);
  command.Example("infer fraud --input x.json");
  command.Example("infer fraud --input - -o json < x.json");
  command.Example("infer fraud --input x.json --cert edge.crt --key edge.key");
  command.Example("infer fraud --batch in.jsonl --out out.jsonl");
  command.Run([&client, options]() -> Result<void> {
    TRY_VOID(CheckOptions(*options));
    return Infer(client, *options);
  });
}

}  // namespace slipway::cli
