// Agent: makes one site run what the control centre wants, and says what became of it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "agent/content_fetch.h"
#include "agent/control_link.h"
#include "agent/serve_keeper.h"
#include "async/blocking_pool.h"
#include "async/task.h"
#include "async/task_group.h"
#include "base/clock.h"
#include "base/file_system.h"
#include "runtime/driver.h"
#include "runtime/site_state.h"
#include "store/meta/meta_store.h"

namespace slipway::agent {

struct AgentOptions {
  std::string site = "local";
  std::string unpacked_folder;  // DATA/unpacked, absolute
  // Unpacked models that no revision uses are removed above this.
  uint64_t unpacked_limit_bytes = uint64_t{20} << 30;
  ServeOptions serve;  // serve.folder is the site's folder, DATA/sites/NAME
};

struct AgentDependencies {
  ControlLink& link;
  runtime::Driver& driver;
  SiteContent content;
  store::MetaStore& site;  // on the site's site.db
  FileSystem& files;
  Clock& clock;
  BlockingPool& pool;
  // Single-threaded: a core's. Everything of the agent runs there.
  asio::any_io_executor executor;
  // Whether large files may be written, for the sake of what else is on the disk; asked again and
  // again while a model is unpacked, on any thread. Empty: until the disk is full.
  std::function<Result<void>()> check_room = {};
};

enum class StopMode : uint8_t {
  kEndServe,     // serve drains and is gone when Stop returns
  kKeepServing,  // serve goes on; the next agent adopts it
};

// What others may know of it at any time.
struct AgentView {
  std::vector<runtime::SiteEndpoint> endpoints;
  int64_t serve_pid = 0;            // 0: it does not run
  bool serve_up = false;            // it answers
  uint64_t serving_generation = 0;  // in effect
};

// Start and Stop once each, from any executor; View from any thread.
class Agent {
 public:
  Agent(AgentOptions options, AgentDependencies dependencies);
  ~Agent();

  // Returns once the data plane's sockets are open and a serve has them, found or started. Fails
  // with ADDRESS_IN_USE, PROGRAM_MISSING, FORMAT_NEWER and the like; then nothing is left running
  // that was not before.
  Task<Result<void>> Start();
  Task<void> Stop(StopMode mode);
  // The files of the data plane's certificate are there anew: serve reads them, now or as soon as
  // it can be told. From any thread, between Start and Stop.
  void RenewCertificate();
  AgentView View() const;

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
  TaskGroup calls_;
};

}  // namespace slipway::agent
