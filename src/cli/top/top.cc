// slipway top
#include <unistd.h>

#include <chrono>
#include <memory>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/format_check.h"
#include "cli/commands.h"
#include "cli/infer/inference_error.h"
#include "cli/text.h"
#include "cli/top/samples.h"

namespace slipway::cli {
namespace {

using SteadyClock = std::chrono::steady_clock;

// Home, and erase what is below.
constexpr std::string_view kClear = "\x1b[H\x1b[J";
constexpr std::chrono::milliseconds kShortestInterval{100};
constexpr std::chrono::milliseconds kLongestInterval{3'600'000};
constexpr std::chrono::milliseconds kTimeout{10'000};

struct Options {
  std::string service;
  std::string metrics;
  std::string interval = "2s";
  bool once = false;
};

// Where the data plane's metrics are: on the host where its inference is, at the port that the site
// says.
Result<std::string> MetricsUrl(ApiClient& api) {
  TRY(site, api.Get("/api/v1/sites/local"));
  int64_t port = 0;
  for (const Json& endpoint : At(site.body, "/status/endpoints")) {
    if (TextAt(endpoint, "/name") == "metrics") port = NumberAt(endpoint, "/port");
  }
  const std::string& inference = api.context().inference;
  const size_t scheme = inference.find("://");
  if (port == 0 || scheme == std::string::npos) {
    return FailedPrecondition("METRICS_MISSING",
                              "it is not known where the data plane has its metrics: name them "
                              "with --metrics http://HOST:8002");
  }
  const size_t colon = inference.rfind(':');
  // The colon of an IPv6 address is within brackets.
  const bool has_port = colon > scheme && inference.find(']', colon) == std::string::npos;
  return fmt::format("{}:{}", has_port ? inference.substr(0, colon) : inference, port);
}

struct Look {
  SteadyClock::time_point time;
  Samples samples;
};

// One data plane, looked at again and again.
class Source {
 public:
  Source(Client& client, const Options& options) : client_(client), options_(options) {}

  Result<void> Open() {
    if (!options_.metrics.empty()) {
      url_ = options_.metrics;
      if (!url_.ends_with("/metrics")) url_ += "/metrics";
      return {};
    }
    TRY(api, client_.Api());
    TRY(url, MetricsUrl(*api));
    api_ = api;
    url_ = url + "/metrics";
    return {};
  }

  Result<Look> Take() {
    net::ClientRequest request;
    request.url = url_;
    request.timeout = kTimeout;
    TRY(response, api_ != nullptr ? api_->Send(std::move(request)) : plain_.Send(request));
    if (response.status != 200) return InferenceError(response.status, response.body);
    Look look{.time = SteadyClock::now(), .samples = ReadSamples(response.body)};
    std::erase_if(look.samples, [&](const auto& entry) { return !IsWanted(entry.first); });
    return look;
  }

 private:
  bool IsWanted(const RevisionName& name) const {
    const std::string& project = client_.options().project;
    if (!options_.service.empty() && name.service != options_.service) return false;
    if (!project.empty()) return name.project == project;
    return options_.service.empty() || name.project == client_.Project();
  }

  Client& client_;
  const Options& options_;
  ApiClient* api_ = nullptr;
  net::HttpClient plain_;
  std::string url_;
};

std::string Milliseconds(const std::optional<double>& seconds) {
  return seconds ? fmt::format("{:.3g} ms", *seconds * 1e3) : "-";
}

std::string TableOf(const std::vector<TopRow>& rows) {
  Table table({"SERVICE", "REVISION", "RATE", "FAILED", "P50", "P99", "QUEUE", "WAIT", "BATCH",
               "CPU", "MEMORY"});
  for (const TopRow& row : rows) {
    const bool is_default = row.name.project == "default";
    table.Add({is_default ? row.name.service : row.name.project + "/" + row.name.service,
               row.name.revision, fmt::format("{:.1f}/s", row.rate),
               fmt::format("{:.1f}/s", row.failure_rate), Milliseconds(row.p50_s),
               Milliseconds(row.p99_s), fmt::format("{:.0f}", row.waiting),
               Milliseconds(row.wait_s), row.batch ? fmt::format("{:.1f}", *row.batch) : "-",
               fmt::format("{:.0f}%", row.busy * 100),
               FormatBytes(static_cast<uint64_t>(row.memory_bytes))});
  }
  return table.empty() ? "no revision is loaded\n" : table.Text();
}

Result<void> Show(const std::vector<TopRow>& rows, Format format, bool is_screen) {
  if (format == Format::kJson) return PrintLine(DumpJson(JsonOf(rows)));
  if (format == Format::kYaml) return PrintJson(JsonOf(rows), format);
  return Print((is_screen ? std::string(kClear) : std::string()) + TableOf(rows));
}

Result<void> Top(Client& client, const Options& options) {
  TRY(format, client.OutputFormat());
  TRY_VOID(CheckNotNames(format, "what `slipway top` shows"));
  TRY(interval, ParseDuration(options.interval));
  if (interval < kShortestInterval || interval > kLongestInterval) {
    return InvalidArgument("DURATION_RANGE", "--interval: 100ms to 1h");
  }
  Source source(client, options);
  TRY_VOID(source.Open());
  const bool is_screen = !options.once && isatty(STDOUT_FILENO) == 1;
  TRY(before, source.Take());
  while (true) {
    std::this_thread::sleep_for(interval);
    TRY(after, source.Take());
    TRY_VOID(Show(RowsBetween(before.samples, after.samples, after.time - before.time), format,
                  is_screen));
    if (options.once) return {};
    before = std::move(after);
  }
}

}  // namespace

void AddTop(Command& command, Client& client) {
  auto options = std::make_shared<Options>();
  command.Positional(&options->service, "SERVICE", "Only the revisions of this service (all)",
                     Need::kOptional);
  command.Option(&options->interval, "--interval", "DURATION", "Time between two looks (2s)");
  command.Flag(&options->once, "--once", "Show one interval and end");
  command.Option(&options->metrics, "--metrics", "URL",
                 "Metrics of a data plane without a control centre: http://127.0.0.1:8002");
  command.Example("top");
  command.Example("top fraud --interval 5s");
  command.Example("top --once -o json");
  command.Run([&client, options] { return Top(client, *options); });
}

}  // namespace slipway::cli
