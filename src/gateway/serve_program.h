// ServeProgram: `slipway serve` without its command line.
//
//   gateway::TuneProcess();  // before the first thread
//   CorePool cores(0);
//   auto program = gateway::ServeProgram::Start(cores, {.site_folder = ..., .listeners = ...});
//   ... wait for a signal or `stop_requested` ...
//   co_await program->Stop(drain) on a core's executor, then ~ServeProgram, then cores.Stop()
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/core_pool.h"
#include "async/task.h"
#include "base/result.h"
#include "gateway/data_plane.h"
#include "gateway/stand_alone.h"
#include "net/http_server.h"

namespace slipway::gateway {

// Settings of the process: few malloc arenas, so that it is small when idle, and heap that stays
// between large requests.
void TuneProcess();

struct ServeListener {
  std::string name;  // "rest", "grpc", "metrics"
  net::Listener listener;
};

struct ServeOptions {
  // Under an agent: the site's folder. Its serving.json says what to serve, and agents connect to
  // its socket.
  std::string site_folder;
  // Without one: these models.
  std::optional<StandAloneOptions> stand_alone;
  // Kept open as long as the program, so that an agent can ask for them.
  std::vector<ServeListener> listeners;
  DataPlaneOptions plane;  // `changed` is set here
  // An agent asks the program to end. On a thread of the program.
  std::function<void(std::chrono::milliseconds drain)> stop_requested;
  // Asked now and then while Start waits for models: true ends the wait. Optional.
  std::function<bool()> interrupted;
};

// Goes on serving when its agent goes, and takes the next one. Destroyed after Stop, outside of the
// cores' threads, while the cores run.
class ServeProgram {
 public:
  // Waits for the models before it accepts connections: stand-alone models until they are loaded,
  // what serving.json lists until it is Ready or Failed or runtime::InheritedListenWait() is over
  // (the sockets are there already: connections wait, or go to the predecessor). Beside a
  // predecessor (runtime::InheritedPredecessor) it waits until an agent says so or that has ended;
  // CANCELLED / INTERRUPTED where it is to end before. Fails for a model
  // or a serving.json that cannot be read, and where no stand-alone model loads; a site
  // without serving.json has nothing to serve yet.
  static Result<std::unique_ptr<ServeProgram>> Start(CorePool& cores, ServeOptions options);
  ~ServeProgram();

  DataPlane& plane();
  // Reads certificate and key again, for new connections, and opens the access log anew; the log
  // says what is wrong if what was there before stays in use. Blocking, on any thread that is no
  // core.
  void ReloadFiles();
  // Lets requests in flight end until `drain` is over. Once.
  Task<void> Stop(std::chrono::milliseconds drain);

 private:
  struct State;
  explicit ServeProgram(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace slipway::gateway
