// The command line of `slipway server`.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/tls_files.h"
#include "server/data_plane_options.h"
#include "trust/limits.h"

namespace CLI {
class App;
}

namespace slipway::server {

// What the registry does by itself. An interval of 0: only on request; a rate of 0: as fast as it
// goes.
struct RegistryCare {
  std::chrono::milliseconds collection_interval = std::chrono::hours(24);
  std::chrono::milliseconds hold = std::chrono::hours(2);  // of blobs that nothing names yet
  uint64_t collection_rate = 10'000;                       // rows and files a second
  std::chrono::milliseconds scrub_interval = std::chrono::hours(24 * 30);
  uint64_t scrub_rate = 16 << 20;  // bytes a second
  uint64_t max_manifest_bytes = 4 << 20;
};

struct ServerOptions {
  std::string data;                   // absolute
  std::string address = "127.0.0.1";  // of all listeners
  uint16_t port_base = 8000;          // 0: free ports; see PortsOf
  net::TlsFiles tls;                  // of all listeners; empty: they are plain
  ClientCertificates clients;
  TelemetryFlags telemetry;
  bool insecure = false;  // other machines may come without TLS
  RegistryCare care;
  bool anonymous = false;  // callers on this machine need no token
  // Of the API's port, as clients write it; empty: what each request was sent to.
  std::string external_url;
  std::chrono::milliseconds access_token_lifetime = trust::kDefaultAccessLifetime;
  std::string log_file;  // empty: standard error
  std::string log_level = "info";
  bool log_json = false;
  // The data plane counts as one that does not answer after the first, and is started anew after
  // the second (0: never).
  std::chrono::milliseconds answer_limit{5'000};
  std::chrono::milliseconds restart_after{60'000};
};

struct Ports {
  uint16_t rest = 0;
  uint16_t grpc = 0;
  uint16_t metrics = 0;
  uint16_t api = 0;
};
// Inference REST at N, gRPC at N+1, metrics at N+2, API, registry and console at N+80.
Ports PortsOf(uint16_t port_base);

// Nothing if help was asked for and printed. INVALID_ARGUMENT / USAGE, ADDRESS_INVALID,
// ADDRESS_INSECURE, ANONYMOUS_REMOTE, PORT_RANGE, DURATION_INVALID, DURATION_RANGE or
// TLS_INCOMPLETE.
Result<std::optional<ServerOptions>> ParseServerOptions(int argc, const char* const* argv);

// A duration as base/format_check.h reads it, or 0. INVALID_ARGUMENT / DURATION_INVALID names the
// option.
Result<std::chrono::milliseconds> ParseInterval(std::string_view option, const std::string& text);
// Bytes: a whole number, and K, M or G for powers of 1,024. INVALID_ARGUMENT / SIZE_INVALID.
Result<uint64_t> ParseByteRate(std::string_view option, const std::string& text);

// The options by which `server` and `serve` say alike where they listen.
void DeclareListenOptions(CLI::App& app, int64_t& port_base, std::string& address,
                          net::TlsFiles& tls, bool& insecure);
// What both demand of an address.
Result<void> CheckListenAddress(const std::string& address, const net::TlsFiles& tls,
                                bool insecure);
// Certificate and key come together; makes their paths absolute.
Result<void> CompleteTlsFiles(net::TlsFiles& tls);
// True for 127.0.0.0/8 and ::1.
bool IsLoopbackAddress(const std::string& address);
// INVALID_ARGUMENT / PATH_INVALID where there is no current folder; an empty path stays empty.
Result<void> MakeAbsolute(std::string& path);
// INVALID_ARGUMENT / USAGE for an option that was given with an empty value, as a script does whose
// variable is not set.
Result<void> RefuseEmptyValues(const CLI::App& app);
// Leaves `out` as it is where nothing was written. INVALID_ARGUMENT / DURATION_INVALID,
// DURATION_RANGE.
Result<void> ReadDuration(std::string_view option, const std::string& text,
                          std::chrono::milliseconds from, std::chrono::milliseconds to,
                          std::chrono::milliseconds& out);
Result<void> CheckPortBase(int64_t port_base);

}  // namespace slipway::server
