// The command line of `slipway serve`.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "net/tls_files.h"
#include "runtime/limits.h"
#include "server/data_plane_options.h"

namespace slipway::server {

struct ServeOptions {
  // One of both: what an agent keeps for a site, or what a user named.
  std::string site_folder;
  std::string model;           // a model's file or folder, or a folder of such
  bool is_repository = false;  // --model-repository named it
  bool allow_control = false;
  bool shared_memory = false;
  bool is_triton_like = false;  // numbers that JSON does not have are written as Triton does

  std::string name;                   // of the one model; empty: from the path
  std::string address = "127.0.0.1";  // stand-alone; an agent passes open sockets
  uint16_t port_base = 8000;
  net::TlsFiles tls;  // of all listeners, an agent's too; empty: they are plain
  ClientCertificates clients;
  TelemetryFlags telemetry;
  bool insecure = false;
  std::string ports_file;             // where to write the ports taken; empty: nowhere
  std::string token_file;             // callers must send the token in it; empty: anybody may ask
  int64_t threads = 0;                // of one run in the engine; 0: chosen
  bool own_process = false;           // each model has one
  std::string accelerator = "cpu";    // or "gpu", "gpuPreferred"
  int64_t request_memory_mib = 1024;  // of bodies, tensors and answers
  int64_t max_batch = 0;              // rows of requests that share a run; 0: none do
  std::chrono::milliseconds request_timeout = runtime::kRequestTimeout;
};

// Nothing if help was asked for and printed. INVALID_ARGUMENT as ParseServerOptions.
Result<std::optional<ServeOptions>> ParseServeOptions(int argc, const char* const* argv);

}  // namespace slipway::server
