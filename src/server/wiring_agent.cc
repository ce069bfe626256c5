// The agent of the site `local`, in the control centre's own process.
#include <optional>

#include "agent/agent.h"
#include "agent/control_link.h"
#include "base/build_info.h"
#include "registry/content.h"
#include "registry/lookup.h"
#include "runtime/driver.h"
#include "runtime/site_folder.h"
#include "server/blocking_call.h"
#include "server/disk_room.h"
#include "server/parts.h"
#include "server/site_database.h"

namespace slipway::server {
namespace {

constexpr std::chrono::seconds kServeDrain{4};
constexpr size_t kPieceBytes = 256 << 10;

// The control centre as its own site sees it: a few calls.
class LocalLink final : public agent::ControlLink {
 public:
  LocalLink(ControllersPart& desk, Stores& stores, oci::ContentSource& content)
      : desk_(desk), stores_(stores), content_(content) {}

  Task<Result<runtime::DesiredState>> Desired(uint64_t known) override {
    return desk_.Desired(known);
  }
  Task<Result<void>> Report(runtime::SiteReport report) override {
    return desk_.Report(std::move(report));
  }

  Result<std::string> Manifest(const std::string& repository, const Digest& digest) override {
    std::string bytes;
    TRY_VOID(stores_.meta->ReadNow([&](const store::Snapshot& snapshot) -> Result<void> {
      TRY(found, registry::ReadManifestBytes(snapshot, *stores_.objects, repository, digest));
      bytes = std::move(found);
      return {};
    }));
    return bytes;
  }

  Result<void> Blob(const std::string&, const Digest& digest, const Sink& sink) override {
    TRY(file, content_.Open(digest));
    std::string piece(kPieceBytes, '\0');
    for (uint64_t offset = 0;;) {
      TRY(count, file->ReadAt(offset, piece.data(), piece.size()));
      if (count == 0) return {};
      TRY_VOID(sink(std::string_view(piece).substr(0, count)));
      offset += count;
    }
  }

 private:
  ControllersPart& desk_;
  Stores& stores_;
  oci::ContentSource& content_;
};

class LocalAgent final : public AgentPart {
 public:
  LocalAgent(const ServerOptions& options, std::string program, Threads& threads, Stores& stores,
             ControllersPart& controllers)
      : options_(options),
        program_(std::move(program)),
        threads_(threads),
        stores_(stores),
        content_(registry::MakeRegistryContent(*stores.meta, *stores.objects)),
        link_(controllers, stores, *content_),
        driver_(runtime::MakeProcessDriver()) {}

  Result<void> Start() override {
    const std::string folder = LocalSiteFolder(*stores_.folder);
    TRY_VOID(PosixFileSystem().MakeDirectories(runtime::LogFolder(folder)));
    TRY(site, OpenSiteDatabase({.folder = folder, .grace = kServeDrain}, *driver_, SystemClock()));
    site_ = std::move(site);
    agent_.emplace(Options(folder), Dependencies());
    Result<void> started = BlockOn(threads_.cores.executor(0), agent_->Start());
    if (!started) agent_.reset();
    return started;
  }

  Task<void> Stop(agent::StopMode mode) override {
    if (agent_) co_await agent_->Stop(mode);
  }

  void RenewCertificate() override { agent_->RenewCertificate(); }

  uint16_t Port(std::string_view name) const override {
    if (!agent_) return 0;
    for (const runtime::SiteEndpoint& endpoint : agent_->View().endpoints) {
      if (endpoint.name == name) return static_cast<uint16_t>(endpoint.port);
    }
    return 0;
  }

 private:
  // Paths alone: the key itself stays in its file.
  std::vector<std::string> ServeArguments() const {
    std::vector<std::string> arguments = ArgumentsOf(options_.telemetry);
    if (options_.tls.empty()) return arguments;
    arguments.insert(arguments.end(),
                     {"--tls-cert", options_.tls.certificate, "--tls-key", options_.tls.key});
    const std::vector<std::string> clients = ArgumentsOf(options_.clients);
    arguments.insert(arguments.end(), clients.begin(), clients.end());
    return arguments;
  }

  agent::AgentOptions Options(const std::string& folder) const {
    const Ports ports = PortsOf(options_.port_base);
    const bool tls = !options_.tls.empty();
    return {
        .unpacked_folder = stores_.folder->unpacked_path(),
        .serve = {.folder = folder,
                  .program = program_,
                  .arguments = ServeArguments(),
                  .build_id = std::string(BuildId()),
                  .listen = {{"rest", options_.address, ports.rest, tls},
                             {"grpc", options_.address, ports.grpc, tls},
                             {"metrics", options_.address, ports.metrics, tls}},
                  .drain = kServeDrain,
                  .answer = {.limit = options_.answer_limit, .end_after = options_.restart_after}}};
  }

  agent::AgentDependencies Dependencies() {
    return {.link = link_,
            .driver = *driver_,
            .content = {.content = content_.get(), .store = stores_.objects.get()},
            .site = *site_,
            .files = PosixFileSystem(),
            .clock = SystemClock(),
            .pool = threads_.blocking,
            .executor = threads_.cores.executor(0),
            .check_room = [data = options_.data] { return CheckReserve(data); }};
  }

  const ServerOptions& options_;
  std::string program_;
  Threads& threads_;
  Stores& stores_;
  std::unique_ptr<oci::ContentSource> content_;
  LocalLink link_;
  std::unique_ptr<runtime::Driver> driver_;
  std::unique_ptr<store::MetaStore> site_;
  std::optional<agent::Agent> agent_;
};

}  // namespace

std::unique_ptr<AgentPart> MakeAgentPart(const ServerOptions& options, std::string program,
                                         Threads& threads, Stores& stores,
                                         ControllersPart& controllers) {
  return std::make_unique<LocalAgent>(options, std::move(program), threads, stores, controllers);
}

}  // namespace slipway::server
