#include "server/server_options.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include <CLI/CLI.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <fmt/format.h>

#include "base/format_check.h"
#include "oci/limits.h"

namespace slipway::server {
namespace {

constexpr int64_t kMaxPortBase = 65'535 - 80;
constexpr std::chrono::milliseconds kShortestAnswerLimit{500};
constexpr std::chrono::milliseconds kLongestAnswerLimit{24 * 3'600'000};

constexpr const char* kFooter =
    "Ports, with --port-base N: inference REST N, gRPC N+1, metrics N+2, API and registry N+80.\n"
    "Files: DATA/run/ports.json names the ports in use, DATA/run/admin.token holds a token for "
    "all.\n"
    "Examples:\n"
    "  slipway server --data /var/lib/slipway\n"
    "  slipway server --data /tmp/try --port-base 0 --anonymous\n"
    "  slipway server --data /var/lib/slipway --address 0.0.0.0 --tls-cert server.crt --tls-key "
    "server.key\n"
    "SIGHUP reads a renewed certificate and key, and opens the access log anew; no connection "
    "ends.";

// As they were written.
struct Durations {
  std::string answer_limit;
  std::string restart_after;
  std::string access_token_lifetime;
};

// Options with units, as they were written.
struct CareTexts {
  std::string collection_interval = "24h";
  std::string hold = "2h";
  std::string scrub_interval = "30d";
  std::string scrub_rate = "16M";
  std::string max_manifest = "4M";
};

void DeclareCare(CLI::App& app, RegistryCare& care, CareTexts& texts) {
  app.add_option("--gc-interval", texts.collection_interval,
                 "Collect the registry's garbage so often (24h); 0: only on request")
      ->type_name("DURATION");
  app.add_option("--gc-hold", texts.hold,
                 "How long a blob that no manifest names is kept for who pushes (2h)")
      ->type_name("DURATION");
  app.add_option("--gc-rate", care.collection_rate,
                 "Rows and files a second that a collection looks at (10000); 0: no limit")
      ->type_name("N");
  app.add_option("--scrub-interval", texts.scrub_interval,
                 "Read all objects again so often, to find damage (30d); 0: only on request")
      ->type_name("DURATION");
  app.add_option("--scrub-rate", texts.scrub_rate,
                 "Bytes a second that a scrub reads (16M); 0: no limit")
      ->type_name("BYTES");
  app.add_option("--max-manifest", texts.max_manifest,
                 "Size up to which the registry takes manifests, 1 to 8M (4M)")
      ->type_name("BYTES");
}

Result<void> CompleteCare(RegistryCare& care, const CareTexts& texts) {
  TRY(collection, ParseInterval("--gc-interval", texts.collection_interval));
  TRY(hold, ParseInterval("--gc-hold", texts.hold));
  TRY(scrub, ParseInterval("--scrub-interval", texts.scrub_interval));
  TRY(rate, ParseByteRate("--scrub-rate", texts.scrub_rate));
  TRY(max_manifest, ParseByteRate("--max-manifest", texts.max_manifest));
  if (max_manifest == 0 || max_manifest > oci::kMaxManifestBytes) {
    return InvalidArgument("SIZE_INVALID", fmt::format("--max-manifest: \"{}\" is not from 1 to 8M",
                                                       texts.max_manifest));
  }
  care.max_manifest_bytes = max_manifest;
  care.collection_interval = collection;
  care.hold = hold;
  care.scrub_interval = scrub;
  care.scrub_rate = rate;
  return {};
}

void Declare(CLI::App& app, ServerOptions& options, int64_t& port_base, Durations& durations) {
  app.add_option("--data", options.data, "Folder with all state; made if it is missing")
      ->type_name("DIR")
      ->required();
  DeclareListenOptions(app, port_base, options.address, options.tls, options.insecure);
  DeclareClientCertificates(app, options.clients);
  DeclareTelemetryOptions(app, options.telemetry);
  app.add_flag("--anonymous", options.anonymous,
               "Callers on this machine need no token: for trying and benchmarks");
  app.add_option("--external-url", options.external_url,
                 "Where clients reach the API's port, when a proxy does not say (X-Forwarded-Host "
                 "and -Proto)")
      ->type_name("URL");
  app.add_option("--access-token-lifetime", durations.access_token_lifetime,
                 "Validity of the registry's access tokens, 1m to 24h (5m)")
      ->type_name("DURATION");
  app.add_option("--log-file", options.log_file, "Log here instead of to standard error")
      ->type_name("FILE");
  app.add_option("--log-level", options.log_level, "debug, info, warning or error (info)")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
  app.add_flag("--log-json", options.log_json, "Log lines as JSON");
  app.add_option("--answer-limit", durations.answer_limit,
                 "How long the data plane may take to answer before its services count as not "
                 "ready (5s)")
      ->type_name("DURATION");
  app.add_option("--restart-after", durations.restart_after,
                 "How long it may go on not answering before it is started anew (60s); 0s: for "
                 "ever")
      ->type_name("DURATION");
  app.footer(kFooter);
}

// Checks the address by which clients come, and takes the slash from its end.
Result<void> CompleteUrl(std::string& url) {
  while (url.ends_with('/')) url.pop_back();
  if (url.empty()) return {};
  const auto parsed = boost::urls::parse_uri(url);
  const bool simple = parsed && (parsed->scheme() == "http" || parsed->scheme() == "https") &&
                      !parsed->encoded_host().empty() && !parsed->has_userinfo() &&
                      !parsed->has_query() && !parsed->has_fragment() &&
                      parsed->encoded_path().empty();
  if (simple) return {};
  return InvalidArgument("ADDRESS_INVALID",
                         fmt::format("--external-url: \"{}\" is no address of the form "
                                     "https://HOST or https://HOST:PORT",
                                     url));
}

}  // namespace

Result<void> ReadDuration(std::string_view option, const std::string& text,
                          std::chrono::milliseconds from, std::chrono::milliseconds to,
                          std::chrono::milliseconds& out) {
  if (text.empty()) return {};
  auto duration = ParseDuration(text);
  if (duration.has_error()) return duration.error().Prefixed(fmt::format("{}: ", option));
  if (*duration < from || *duration > to) {
    return InvalidArgument("DURATION_RANGE", fmt::format("{}: {} to {} ms, got {}", option,
                                                         from.count(), to.count(), text));
  }
  out = *duration;
  return {};
}

void DeclareListenOptions(CLI::App& app, int64_t& port_base, std::string& address,
                          net::TlsFiles& tls, bool& insecure) {
  app.add_option("--port-base", port_base, "First port (8000); 0 takes free ones")->type_name("N");
  app.add_option("--address", address, "Address to listen on (127.0.0.1)")->type_name("ADDRESS");
  app.add_option("--tls-cert", tls.certificate,
                 "Speak TLS on all ports, with the certificate (and its chain) in this PEM file")
      ->type_name("FILE");
  app.add_option("--tls-key", tls.key,
                 "The certificate's key: a PEM file that other users cannot read")
      ->type_name("FILE");
  app.add_flag("--insecure", insecure, "Let other machines come without TLS");
}

Ports PortsOf(uint16_t port_base) {
  if (port_base == 0) return {};
  return {.rest = port_base,
          .grpc = static_cast<uint16_t>(port_base + 1),
          .metrics = static_cast<uint16_t>(port_base + 2),
          .api = static_cast<uint16_t>(port_base + 80)};
}

bool IsLoopbackAddress(const std::string& address) {
  boost::system::error_code error;
  auto parsed = boost::asio::ip::make_address(address, error);
  return !error && parsed.is_loopback();
}

Result<void> CheckListenAddress(const std::string& address, const net::TlsFiles& tls,
                                bool insecure) {
  boost::system::error_code error;
  boost::asio::ip::make_address(address, error);
  if (error) {
    return InvalidArgument("ADDRESS_INVALID",
                           fmt::format("--address: \"{}\" is no IP address; write one such as "
                                       "127.0.0.1 or 0.0.0.0",
                                       address));
  }
  if (!IsLoopbackAddress(address) && tls.empty() && !insecure) {
    return InvalidArgument("ADDRESS_INSECURE",
                           fmt::format("--address: {} can be reached from other machines, and "
                                       "tokens would cross the network readable; give --tls-cert "
                                       "and --tls-key, or put a TLS proxy in front and say "
                                       "--insecure",
                                       address));
  }
  return {};
}

Result<void> CompleteTlsFiles(net::TlsFiles& tls) {
  if (tls.certificate.empty() != tls.key.empty()) {
    return InvalidArgument("TLS_INCOMPLETE",
                           fmt::format("{}: is missing; a certificate and its key come together, "
                                       "give --tls-cert and --tls-key",
                                       tls.key.empty() ? "--tls-key" : "--tls-cert"));
  }
  for (std::string* path : {&tls.certificate, &tls.key}) {
    TRY_VOID(MakeAbsolute(*path));
  }
  return {};
}

Result<void> MakeAbsolute(std::string& path) {
  if (path.empty()) return {};
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);
  if (error) {
    return InvalidArgument("PATH_INVALID",
                           fmt::format("\"{}\" leads nowhere, for the current folder cannot be "
                                       "found ({}); go to one that exists, or give a path that "
                                       "begins with /",
                                       path, error.message()));
  }
  path = absolute.lexically_normal().string();
  return {};
}

Result<std::chrono::milliseconds> ParseInterval(std::string_view option, const std::string& text) {
  if (text == "0") return std::chrono::milliseconds(0);
  Result<std::chrono::milliseconds> duration = ParseDuration(text);
  if (!duration) return duration.error().Prefixed(fmt::format("{}: ", option));
  return duration;
}

Result<uint64_t> ParseByteRate(std::string_view option, const std::string& text) {
  constexpr std::string_view kUnits = "KMG";
  uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  const size_t unit = rest == end ? 0 : kUnits.find(*rest) + 1;
  const bool known = rest == end || (rest + 1 == end && unit > 0);
  if (error != std::errc() || !known || number > (UINT64_MAX >> (10 * unit)) >> 10) {
    return InvalidArgument("SIZE_INVALID",
                           fmt::format("{}: {} is no size; write bytes, as 1000000, 500K, 16M or "
                                       "1G",
                                       option, Quoted(text)));
  }
  return number << (10 * unit);
}

Result<void> RefuseEmptyValues(const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    const bool empty = std::ranges::any_of(option->results(), &std::string::empty);
    if (!empty) continue;
    return InvalidArgument("USAGE", fmt::format("{}: the value is empty; see {} --help",
                                                option->get_name(), app.get_name()));
  }
  return {};
}

Result<void> CheckPortBase(int64_t port_base) {
  if (port_base >= 0 && port_base <= kMaxPortBase) return {};
  return InvalidArgument("PORT_RANGE",
                         fmt::format("--port-base: 0 to {}, got {}", kMaxPortBase, port_base));
}

Result<std::optional<ServerOptions>> ParseServerOptions(int argc, const char* const* argv) {
  ServerOptions options;
  int64_t port_base = options.port_base;
  CLI::App app("The control centre, with the data plane of this machine", "slipway server");
  Durations durations;
  Declare(app, options, port_base, durations);
  CareTexts texts;
  DeclareCare(app, options.care, texts);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    app.exit(help);
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    return InvalidArgument("USAGE", fmt::format("{}; see slipway server --help", error.what()));
  }
  TRY_VOID(RefuseEmptyValues(app));
  TRY_VOID(CheckPortBase(port_base));
  TRY_VOID(CompleteCare(options.care, texts));
  options.port_base = static_cast<uint16_t>(port_base);
  TRY_VOID(CompleteTlsFiles(options.tls));
  TRY_VOID(CompleteClientCertificates(options.tls, options.clients));
  TRY_VOID(CompleteTelemetry(options.telemetry));
  TRY_VOID(CheckListenAddress(options.address, options.tls, options.insecure));
  if (options.anonymous && !IsLoopbackAddress(options.address)) {
    return InvalidArgument(
        "ANONYMOUS_REMOTE",
        fmt::format("--anonymous: only together with a loopback address, got {}", options.address));
  }
  TRY_VOID(ReadDuration("--answer-limit", durations.answer_limit, kShortestAnswerLimit,
                        kLongestAnswerLimit, options.answer_limit));
  TRY_VOID(ReadDuration("--restart-after", durations.restart_after, std::chrono::milliseconds(0),
                        kLongestAnswerLimit, options.restart_after));
  TRY_VOID(ReadDuration("--access-token-lifetime", durations.access_token_lifetime,
                        trust::kMinAccessLifetime, trust::kMaxAccessLifetime,
                        options.access_token_lifetime));
  TRY_VOID(CompleteUrl(options.external_url));
  TRY_VOID(MakeAbsolute(options.data));
  return options;
}

}  // namespace slipway::server
