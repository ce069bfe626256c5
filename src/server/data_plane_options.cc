#include "server/data_plane_options.h"

#include <charconv>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "server/server_options.h"

namespace slipway::server {
namespace {

Result<double> ReadShare(std::string_view option, const std::string& text) {
  double share = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, fault] = std::from_chars(text.data(), end, share);
  if (fault == std::errc() && stopped == end && share >= 0 && share <= 1) return share;
  return InvalidArgument("USAGE", fmt::format("{}: 0 to 1, got {}", option, text));
}

}  // namespace

void DeclareClientCertificates(CLI::App& app, ClientCertificates& clients) {
  app.add_option("--tls-client-ca", clients.authorities,
                 "Clients of inference (REST and gRPC) prove who they are by a certificate of an "
                 "authority in this PEM file")
      ->type_name("FILE");
  app.add_flag("--tls-client-optional", clients.optional,
               "Clients without a certificate are let in, too");
}

Result<void> CompleteClientCertificates(const net::TlsFiles& tls, ClientCertificates& clients) {
  if (!clients.authorities.empty() && tls.empty()) {
    return InvalidArgument("TLS_INCOMPLETE", "--tls-client-ca: give --tls-cert and --tls-key, too");
  }
  if (clients.optional && clients.authorities.empty()) {
    return InvalidArgument("TLS_INCOMPLETE",
                           "--tls-client-optional: says something of --tls-client-ca only");
  }
  return MakeAbsolute(clients.authorities);
}

net::TlsFiles WithClients(net::TlsFiles tls, const ClientCertificates& clients) {
  tls.client_authorities = clients.authorities;
  tls.client_may_be_unknown = clients.optional;
  return tls;
}

std::vector<std::string> ArgumentsOf(const ClientCertificates& clients) {
  if (clients.authorities.empty()) return {};
  std::vector<std::string> arguments = {"--tls-client-ca", clients.authorities};
  if (clients.optional) arguments.emplace_back("--tls-client-optional");
  return arguments;
}

void DeclareTelemetryOptions(CLI::App& app, TelemetryFlags& flags) {
  app.add_option("--access-log", flags.access_log,
                 "A line of JSON for each inference request, into this file; - is standard error")
      ->type_name("FILE");
  app.add_option("--access-log-rate", flags.access_log_rate,
                 "Share of the requests that go well, 0 to 1 (1)")
      ->type_name("SHARE");
  app.add_flag("--access-log-sample-errors", flags.sample_errors,
               "The same share of those that fail; without it all of them are written");
  app.add_option("--otlp-endpoint", flags.otlp_endpoint,
                 "Send traces to this collector, by OTLP over HTTP "
                 "(OTEL_EXPORTER_OTLP_ENDPOINT)")
      ->type_name("URL");
  app.add_option("--trace-ratio", flags.trace_ratio,
                 "Share of the traces that begin here, 0 to 1 (OTEL_TRACES_SAMPLER_ARG, else 1)")
      ->type_name("SHARE");
}

Result<void> CompleteTelemetry(TelemetryFlags& flags) {
  if (flags.access_log == "-") return {};
  return MakeAbsolute(flags.access_log);
}

Result<gateway::TelemetryOptions> TelemetryOf(const TelemetryFlags& flags) {
  gateway::TelemetryOptions options;
  options.access_log.file = flags.access_log;
  options.access_log.samples_errors = flags.sample_errors;
  if (!flags.access_log_rate.empty()) {
    TRY(rate, ReadShare("--access-log-rate", flags.access_log_rate));
    options.access_log.rate = rate;
  }
  std::optional<double> ratio;
  if (!flags.trace_ratio.empty()) {
    TRY(read, ReadShare("--trace-ratio", flags.trace_ratio));
    ratio = read;
  }
  TRY(traces, gateway::ReadOtlpSettings(flags.otlp_endpoint, ratio, gateway::EnvironmentVariable));
  options.traces = std::move(traces);
  TRY_VOID(gateway::CheckAccessLog(flags.access_log));
  return options;
}

std::vector<std::string> ArgumentsOf(const TelemetryFlags& flags) {
  std::vector<std::string> arguments;
  const auto add = [&](const char* option, const std::string& value) {
    if (!value.empty()) arguments.insert(arguments.end(), {option, value});
  };
  add("--access-log", flags.access_log);
  add("--access-log-rate", flags.access_log_rate);
  if (flags.sample_errors) arguments.emplace_back("--access-log-sample-errors");
  add("--otlp-endpoint", flags.otlp_endpoint);
  add("--trace-ratio", flags.trace_ratio);
  return arguments;
}

}  // namespace slipway::server
