// slipway bench SERVICE
#include <algorithm>
#include <memory>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/format_check.h"
#include "cli/bench/load.h"
#include "cli/commands.h"
#include "cli/infer/client_certificate.h"
#include "cli/infer/inference_error.h"
#include "cli/infer/limits.h"
#include "cli/infer/service_url.h"
#include "cli/input.h"
#include "cli/text.h"

namespace slipway::cli {
namespace {

constexpr int64_t kDefaultConnections = 4;
constexpr int64_t kMostConnections = 1024;
constexpr int64_t kMostRate = 10'000'000;
constexpr uint64_t kMaxZeros = 16'000'000;

struct Options {
  std::string service;
  std::string input;
  std::string version;
  std::string duration = "10s";
  std::string warm_up = "1s";
  std::optional<int64_t> connections;
  std::optional<int64_t> rate;
};

Json ZeroOf(const std::string& datatype) {
  if (datatype == "BYTES") return "";
  if (datatype == "BOOL") return false;
  return 0;
}

// A request with zeros for every input, open dimensions 1.
Result<std::string> ZeroRequest(ApiClient& api, const std::string& url) {
  net::ClientRequest request;
  request.url = url;
  TRY(response, api.Send(std::move(request)));
  if (response.status != 200) return InferenceError(response.status, response.body);
  TRY(metadata, ParseJson(response.body));
  Json inputs = Json::array();
  for (const Json& input : At(metadata, "/inputs")) {
    Json shape = Json::array();
    uint64_t count = 1;
    for (const Json& length : At(input, "/shape")) {
      const int64_t dim = std::max<int64_t>(length.get<int64_t>(), 1);
      shape.push_back(dim);
      count = std::min<uint64_t>(count * static_cast<uint64_t>(dim), kMaxZeros + 1);
    }
    if (count > kMaxZeros) {
      return InvalidArgument("BENCH_INPUT",
                             fmt::format("input {} is too large to be made up: give a request with "
                                         "--input",
                                         TextAt(input, "/name")));
    }
    Json data = Json::array();
    for (uint64_t i = 0; i < count; ++i) data.push_back(ZeroOf(TextAt(input, "/datatype")));
    inputs.push_back({{"name", TextAt(input, "/name")},
                      {"datatype", TextAt(input, "/datatype")},
                      {"shape", std::move(shape)},
                      {"data", std::move(data)}});
  }
  return DumpJson({{"inputs", std::move(inputs)}});
}

Result<LoadOptions> OptionsOf(Client& client, ApiClient& api, const Options& options) {
  TRY(duration, ParseDuration(options.duration));
  TRY(warm_up, ParseDuration(options.warm_up));
  TRY(url, ServiceUrl(api.context(), client.Project(), options.service, options.version));
  TRY(token, api.Token());
  LoadOptions load{
      .request = {},
      .connection = HttpOptionsOf(api.context()),
      .connections = static_cast<size_t>(options.connections.value_or(kDefaultConnections)),
      .rate = static_cast<double>(options.rate.value_or(0)),
      .warm_up = warm_up,
      .duration = duration};
  if (options.input.empty()) {
    TRY(zeros, ZeroRequest(api, url));
    load.request.body = std::move(zeros);
  } else {
    TRY(body, ReadInput(options.input, kMaxRequestBytes));
    load.request.body = std::move(body);
  }
  load.request.method = "POST";
  load.request.url = url + "/infer";
  load.request.max_response_bytes = kMaxAnswerBytes;
  load.request.headers.emplace_back("Content-Type", "application/json");
  if (!token.empty()) load.request.headers.emplace_back("Authorization", "Bearer " + token);
  return load;
}

double Milliseconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

Json JsonOf(const LoadOptions& load, const LoadResult& result) {
  const Latencies& all = result.latencies;
  const double seconds = std::chrono::duration<double>(result.elapsed).count();
  Json errors = Json::object();
  for (const auto& [words, count] : result.errors) errors[words] = count;
  Json latency = {{"mean", Milliseconds(all.mean())}, {"max", Milliseconds(all.max())}};
  for (const auto& [name, share] :
       {std::pair("p50", 0.5), {"p90", 0.9}, {"p95", 0.95}, {"p99", 0.99}, {"p999", 0.999}}) {
    latency[name] = Milliseconds(all.Quantile(share));
  }
  return {{"loop", load.rate > 0 ? "open" : "closed"},
          {"connections", load.connections},
          {"wantedRate", load.rate},
          {"seconds", seconds},
          {"requests", all.count()},
          {"failed", result.failed()},
          {"rate", static_cast<double>(all.count()) / seconds},
          {"latencyMs", std::move(latency)},
          {"errors", std::move(errors)}};
}

// Rows of powers of two, from the first that has a request to the last.
std::string HistogramText(const Latencies& all) {
  constexpr int kBarWidth = 40;
  std::string text;
  uint64_t below = 0;
  for (std::chrono::nanoseconds bound{1'000}; below < all.count(); bound *= 2) {
    const uint64_t upto = bound >= all.max() ? all.count() : all.CountUpTo(bound);
    const uint64_t here = upto - below;
    if (upto > 0) {
      const double share = static_cast<double>(here) / static_cast<double>(all.count());
      text += fmt::format("{:>10.3f} ms {:>10}  {:#<{}}\n", Milliseconds(bound), here, "",
                          static_cast<int>(share * kBarWidth));
    }
    below = upto;
  }
  return text;
}

Result<void> PrintReport(const LoadOptions& load, const LoadResult& result) {
  const Latencies& all = result.latencies;
  Table table({"REQUESTS", "FAILED", "RATE", "MEAN", "P50", "P90", "P99", "P99.9", "MAX"});
  const auto shown = [](std::chrono::nanoseconds time) {
    return fmt::format("{:.3f}ms", Milliseconds(time));
  };
  table.Add({std::to_string(all.count()), std::to_string(result.failed()),
             fmt::format("{:.1f}/s", static_cast<double>(all.count()) /
                                         std::chrono::duration<double>(result.elapsed).count()),
             shown(all.mean()), shown(all.Quantile(0.5)), shown(all.Quantile(0.9)),
             shown(all.Quantile(0.99)), shown(all.Quantile(0.999)), shown(all.max())});
  TRY_VOID(Print(table.Text()));
  TRY_VOID(Print("\n" + HistogramText(all)));
  for (const auto& [words, count] : result.errors) Note(fmt::format("{} x {}", count, words));
  if (load.rate <= 0 || result.elapsed < load.duration * 11 / 10) return {};
  Note("the service did not keep up with this rate: latencies count from when requests were due");
  return {};
}

Result<void> Bench(Client& client, const Options& options) {
  TRY(format, client.OutputFormat());
  TRY_VOID(CheckNotNames(format, "a measurement"));
  TRY(api, client.Api());
  TRY(load, OptionsOf(client, *api, options));
  const LoadResult result = RunLoad(load);
  if (format == Format::kJson || format == Format::kYaml) {
    TRY_VOID(PrintJson(JsonOf(load, result), format));
  } else {
    TRY_VOID(PrintReport(load, result));
  }
  if (result.latencies.count() > 0) return {};
  return Unavailable("BENCH_FAILED", result.errors.empty() ? "no request was answered in this time"
                                                           : "no request was answered: " +
                                                                 result.errors.begin()->first);
}

}  // namespace

void AddBench(Command& command, Client& client) {
  auto options = std::make_shared<Options>();
  command.Positional(&options->service, "SERVICE", "Service to load with requests");
  command.Option(&options->input, "-i,--input", "FILE",
                 "Request as V2 JSON; without: zeros of the model's shapes");
  command.Option(&options->version, "--revision", "N", "This revision alone");
  command.Option(&options->connections, "--connections", 1, kMostConnections,
                 "Requests at the same time, at most (4)");
  command.Option(
      &options->rate, "--rate", 1, kMostRate,
      "Requests a second, whatever the answers do (an open loop, Poisson); without: each "
      "connection sends when it has its answer");
  command.Option(&options->duration, "--duration", "TIME", "How long (10s)");
  command.Option(&options->warm_up, "--warm-up", "TIME", "Before that, not counted (1s)");
  AddCertificateOptions(command, client);
  command.Example("bench fraud");
  command.Example("bench fraud --rate 500 --connections 64 --duration 30s -o json");
  command.Run([&client, options] { return Bench(client, *options); });
}

}  // namespace slipway::cli
