// Klever: the HTTP API of Klever's model registry, and the routes of Harbor that its web page uses,
// over our registry and resources and with our access rules. docs/klever.md.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "async/blocking_pool.h"
#include "async/task.h"
#include "base/clock.h"
#include "base/file_system.h"
#include "base/random.h"
#include "net/router.h"
#include "registry/registry.h"
#include "resource/resource_store.h"
#include "store/object/object_store.h"

namespace slipway::klever {

// What is pointed at outlives it.
struct KleverOptions {
  registry::Registry* registry = nullptr;
  store::ObjectStore* objects = nullptr;
  resource::ResourceStore* resources = nullptr;
  BlockingPool* pool = nullptr;
  FileSystem* files = nullptr;
  Clock* clock = nullptr;
  Random* random = nullptr;
  std::string folder;           // of unfinished uploads and of what is unpacked; made when needed
  store::DiskReserve reserve;   // what uploads leave free
  std::string program_version;  // for /systeminfo
};

// Who composes it adds Routes() to a router, and sets WriteKleverError and WriteHarborError
// (error_response.h) as its error writers for /api/v1alpha1 and /api/v2.0.
class Klever {
 public:
  explicit Klever(KleverOptions options);
  ~Klever();

  // Valid as long as this lives or longer: the routes share what they use.
  std::vector<net::Route> Routes() const;

  // Before any request. Removes what was being unpacked when the program ended (blocking) and, now
  // and then until Stop, uploads that nobody goes on with.
  void Start(asio::any_io_executor executor);
  Task<void> Stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway::klever
