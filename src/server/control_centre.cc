#include "server/control_centre.h"

#include <unistd.h>

#include <algorithm>

#include "base/log.h"
#include "server/blocking_call.h"
#include "server/parts.h"
#include "server/run_folder.h"

namespace slipway::server {
namespace {

constexpr size_t kMaxCores = 4;
constexpr size_t kBlockingThreads = 8;
constexpr std::chrono::seconds kDrain{2};

}  // namespace

Threads::Threads() : cores(std::min(AvailableCores(), kMaxCores)), blocking(kBlockingThreads) {}

ControlCentre::ControlCentre(ServerOptions options, std::string program)
    : options_(std::move(options)), program_(std::move(program)) {}

ControlCentre::~ControlCentre() = default;

Result<void> ControlCentre::Start() {
  Result<void> started = StartParts();
  if (!started) Stop(agent::StopMode::kEndServe);
  return started;
}

Result<void> ControlCentre::StartParts() {
  TRY(stores, OpenStores(options_.data));
  stores_ = std::move(stores);
  threads_ = std::make_unique<Threads>();
  api_ = MakeApiPart(options_, *threads_, *stores_);
  TRY_VOID(api_->Start());
  TRY_VOID(EnsureAdminToken(*stores_, AdminTokenPath(stores_->folder->run_path())));
  controllers_ = MakeControllersPart(*threads_, *stores_, IsLoopbackAddress(options_.address));
  controllers_->Start();
  agent_ = MakeAgentPart(options_, program_, *threads_, *stores_, *controllers_);
  TRY_VOID(agent_->Start());
  TRY_VOID(WriteRunFiles());
  api_->SetReady(true);
  LogInfo("control centre is ready",
          {{"api", api_address()}, {"rest", agent_->Port("rest")}, {"data", options_.data}});
  return {};
}

Result<void> ControlCentre::WriteRunFiles() {
  return WritePorts(PosixFileSystem(), PortsPath(stores_->folder->run_path()),
                    {.pid = ::getpid(),
                     .address = options_.address,
                     .has_tls = !options_.tls.empty(),
                     .api = api_->port(),
                     .rest = agent_->Port("rest"),
                     .grpc = agent_->Port("grpc"),
                     .metrics = agent_->Port("metrics")});
}

void ControlCentre::ReloadTls() {
  Result<void> read = api_->ReloadTls();
  if (!read) LogError("the TLS certificate of before stays in use", {{"error", read.error()}});
  agent_->RenewCertificate();
}

void ControlCentre::Stop(agent::StopMode mode) {
  if (!threads_) return;
  auto executor = threads_->cores.executor(0);
  if (api_) api_->SetReady(false);
  // The agent first: it reports its last through the parts that follow.
  if (agent_) BlockOn(executor, agent_->Stop(mode));
  if (controllers_) BlockOn(executor, controllers_->Stop());
  if (api_) BlockOn(executor, api_->Stop(kDrain));
  (void)PosixFileSystem().Remove(PortsPath(stores_->folder->run_path()));
  agent_.reset();
  controllers_.reset();
  api_.reset();
  threads_->cores.Stop();
  threads_.reset();
  stores_.reset();
}

std::string ControlCentre::api_address() const {
  return UrlOf({.address = options_.address, .has_tls = !options_.tls.empty()}, api_->port());
}

}  // namespace slipway::server
