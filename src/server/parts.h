// The parts of the control centre and what each needs of the earlier ones. Every part is made by
// its wiring_*.cc, starts once, stops once, and is destroyed after it stopped.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "agent/agent.h"
#include "async/blocking_pool.h"
#include "async/core_pool.h"
#include "async/task.h"
#include "base/result.h"
#include "net/http_message.h"
#include "resource/resource_store.h"
#include "runtime/site_state.h"
#include "server/server_options.h"
#include "store/data_folder.h"
#include "store/meta/meta_store.h"
#include "store/object/object_store.h"
#include "store/room_reserve.h"
#include "trust/secret_box.h"

namespace slipway::server {

// Threads come first and end last. The order of the members is that of BlockingPool's contract: its
// work ends by resuming callers on their cores, so it goes before the cores do.
struct Threads {
  Threads();
  CorePool cores;
  BlockingPool blocking;
};

// wiring_stores.cc: all state of the data folder.
struct Stores {
  std::unique_ptr<store::DataFolder> folder;
  std::unique_ptr<store::ObjectStore> objects;
  std::unique_ptr<store::RoomReserve> reserve;
  std::unique_ptr<store::MetaStore> meta;
  std::unique_ptr<trust::SecretBox> secrets;
  std::unique_ptr<resource::ResourceStore> resources;
};
Result<std::unique_ptr<Stores>> OpenStores(const std::string& data);
// A token for everything in `path`, mode 0600; made anew when the file is missing, or holds none
// that is valid: who can write the folder is its administrator.
Result<void> EnsureAdminToken(Stores& stores, const std::string& path);

// wiring_api.cc: the listener of API and registry.
struct ApiPart {
  virtual ~ApiPart() = default;
  // Opens the socket and answers from then on; readyz says no until SetReady.
  virtual Result<void> Start() = 0;
  virtual void SetReady(bool ready) = 0;
  virtual Result<void> ReloadTls() = 0;
  virtual Task<void> Stop(std::chrono::milliseconds drain) = 0;
  virtual uint16_t port() const = 0;
};
std::unique_ptr<ApiPart> MakeApiPart(const ServerOptions& options, Threads& threads,
                                     Stores& stores);

// wiring_controllers.cc: what makes status follow spec, and what looks at users' writes before they
// are made (called before the store is used).
void AddAdmissions(resource::ResourceStore& store);
struct ControllersPart {
  virtual ~ControllersPart() = default;
  virtual void Start() = 0;
  virtual Task<void> Stop() = 0;
  // The desk of the site `local`.
  virtual Task<Result<runtime::DesiredState>> Desired(uint64_t known) = 0;
  virtual Task<Result<void>> Report(runtime::SiteReport report) = 0;
};
std::unique_ptr<ControllersPart> MakeControllersPart(Threads& threads, Stores& stores,
                                                     bool loopback);

// wiring_agent.cc: the agent of the site `local`, which runs serve.
struct AgentPart {
  virtual ~AgentPart() = default;
  virtual Result<void> Start() = 0;
  virtual Task<void> Stop(agent::StopMode mode) = 0;
  virtual void RenewCertificate() = 0;
  // Ports of the data plane by name: "rest", "grpc", "metrics"; 0 if there is none.
  virtual uint16_t Port(std::string_view name) const = 0;
};
std::unique_ptr<AgentPart> MakeAgentPart(const ServerOptions& options, std::string program,
                                         Threads& threads, Stores& stores,
                                         ControllersPart& controllers);

// Where the site's files are, below the data folder.
std::string LocalSiteFolder(const store::DataFolder& folder);

}  // namespace slipway::server
