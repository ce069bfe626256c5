// The options that `server` takes for its data plane, and `serve` for itself.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "gateway/telemetry/telemetry.h"
#include "net/tls_files.h"

namespace CLI {
class App;
}

namespace slipway::server {

// Which clients of inference prove who they are by a certificate.
struct ClientCertificates {
  std::string authorities;  // PEM file, absolute; empty: none do
  bool optional = false;    // who brings none is let in, too
};

void DeclareClientCertificates(CLI::App& app, ClientCertificates& clients);
// Makes the path absolute. INVALID_ARGUMENT / TLS_INCOMPLETE without TLS.
Result<void> CompleteClientCertificates(const net::TlsFiles& tls, ClientCertificates& clients);
// What the data plane's listeners use.
net::TlsFiles WithClients(net::TlsFiles tls, const ClientCertificates& clients);
std::vector<std::string> ArgumentsOf(const ClientCertificates& clients);

struct TelemetryFlags {
  std::string access_log;  // absolute, or "-"; empty: none
  std::string access_log_rate;
  bool sample_errors = false;
  std::string otlp_endpoint;
  std::string trace_ratio;
};

void DeclareTelemetryOptions(CLI::App& app, TelemetryFlags& flags);
// Makes the path absolute.
Result<void> CompleteTelemetry(TelemetryFlags& flags);
// With what the environment says of traces, checked: as far as can be, before anything is started.
// INVALID_ARGUMENT / USAGE, OTLP_SETTING; FAILED_PRECONDITION / ACCESS_LOG.
Result<gateway::TelemetryOptions> TelemetryOf(const TelemetryFlags& flags);
// The same flags for a serve that is started.
std::vector<std::string> ArgumentsOf(const TelemetryFlags& flags);

}  // namespace slipway::server
