#include "server/serve_options.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "server/server_options.h"

namespace slipway::server {
namespace {

constexpr const char* kFooter =
    "Ports, with --port-base N: inference REST N, gRPC N+1, metrics N+2.\n"
    "Examples:\n"
    "  slipway serve model.onnx\n"
    "  slipway serve --model-repository models/ --allow-control\n"
    "  slipway serve detector/ --port-base 0 --ports-file ports.json\n"
    "  slipway serve model.onnx --address 0.0.0.0 --tls-cert server.crt --tls-key server.key\n"
    "SIGHUP reads a renewed certificate and key, and opens the access log anew; no connection "
    "ends.";

void Declare(CLI::App& app, ServeOptions& options, int64_t& port_base, std::string& timeout,
             std::string& repository) {
  app.add_option("MODEL", options.model, "Model file, or folder of one model or of several");
  app.add_option("--model-repository", repository,
                 "Folder of models as Triton's: NAME/[config.pbtxt], NAME/VERSION/model.onnx")
      ->type_name("DIR");
  app.add_option("--name", options.name, "Name of the one model (from the path)")
      ->type_name("NAME");
  DeclareListenOptions(app, port_base, options.address, options.tls, options.insecure);
  DeclareClientCertificates(app, options.clients);
  DeclareTelemetryOptions(app, options.telemetry);
  app.add_option("--ports-file", options.ports_file, "Write the ports in use here, as JSON")
      ->type_name("FILE");
  app.add_option("--token-file", options.token_file, "Callers must send the token in this file")
      ->type_name("FILE");
  app.add_flag("--allow-control", options.allow_control,
               "Callers on this machine may load and unload models and change settings; with "
               "--token-file who sends the token may");
  app.add_flag("--shared-memory", options.shared_memory,
               "Who may control may name regions of shared memory for tensors");
  app.add_option("--threads", options.threads, "Threads of a run in the engine; 0: chosen (0)")
      ->type_name("N")
      ->check(CLI::Range(0, 1024));
  app.add_option_function<std::string>(
         "--isolation",
         [&options](const std::string& word) { options.own_process = word == "process"; },
         "shared: models run in this process; process: each in one of its own (shared)")
      ->type_name("WHERE")
      ->check(CLI::IsMember({"shared", "process"}));
  app.add_option("--accelerator", options.accelerator,
                 "cpu; gpu, or the model does not load; gpuPreferred: a GPU where it can be (cpu)")
      ->type_name("WHAT")
      ->check(CLI::IsMember({"cpu", "gpu", "gpuPreferred"}));
  app.add_option("--max-batch", options.max_batch,
                 "Rows of requests that share a run; 0: each runs by itself (0)")
      ->check(CLI::Range(0, 65'536));
  app.add_option_function<std::string>(
         "--flavour",
         [&options](const std::string& word) { options.is_triton_like = word == "triton"; },
         "How numbers that JSON does not have are answered. slipway: null; triton: NaN, Infinity "
         "and -Infinity, which is no JSON (slipway)")
      ->type_name("WHOSE")
      ->check(CLI::IsMember({"slipway", "triton"}));
  app.add_option("--request-memory", options.request_memory_mib,
                 "MiB that bodies, tensors and answers of all requests take together (1024)")
      ->check(CLI::Range(1, 1'048'576));
  app.add_option("--request-timeout", timeout,
                 "How long one request may take before it is ended and answered 504 (60s)")
      ->type_name("DURATION");
  // How an agent starts it; nothing for people.
  app.add_option("--site-folder", options.site_folder)->group("");
  app.footer(kFooter);
}

}  // namespace

Result<std::optional<ServeOptions>> ParseServeOptions(int argc, const char* const* argv) {
  ServeOptions options;
  int64_t port_base = options.port_base;
  CLI::App app("The data plane: answers requests to models", "slipway serve");
  std::string timeout;
  std::string repository;
  Declare(app, options, port_base, timeout, repository);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    app.exit(help);
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    return InvalidArgument("USAGE", fmt::format("{}; see slipway serve --help", error.what()));
  }
  TRY_VOID(RefuseEmptyValues(app));
  if (!repository.empty()) {
    if (!options.model.empty()) {
      return InvalidArgument("USAGE", "MODEL and --model-repository exclude each other");
    }
    options.model = repository;
    options.is_repository = true;
  }
  if (options.model.empty() == options.site_folder.empty()) {
    return InvalidArgument("USAGE", "MODEL is missing; see slipway serve --help");
  }
  TRY_VOID(CheckPortBase(port_base));
  TRY_VOID(ReadDuration("--request-timeout", timeout, std::chrono::milliseconds(1),
                        runtime::kMaxRequestTimeout, options.request_timeout));
  options.port_base = static_cast<uint16_t>(port_base);
  TRY_VOID(CompleteTlsFiles(options.tls));
  TRY_VOID(CompleteClientCertificates(options.tls, options.clients));
  TRY_VOID(CompleteTelemetry(options.telemetry));
  TRY_VOID(CheckListenAddress(options.address, options.tls, options.insecure));
  if (options.allow_control && !IsLoopbackAddress(options.address) && options.token_file.empty()) {
    return InvalidArgument("USAGE", "--allow-control is for loopback addresses; on " +
                                        options.address + " use --token-file");
  }
  if (options.shared_memory && !options.allow_control && options.token_file.empty()) {
    return InvalidArgument("USAGE",
                           "--shared-memory needs to know who may name regions: add "
                           "--token-file FILE or --allow-control");
  }
  for (std::string* path :
       {&options.model, &options.site_folder, &options.ports_file, &options.token_file}) {
    TRY_VOID(MakeAbsolute(*path));
  }
  return options;
}

}  // namespace slipway::server
