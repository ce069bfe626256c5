// The control centre, put together: what `slipway server` runs. Each part is composed in a
// wiring_*.cc of its own; this is the order in which they begin and end.
#pragma once

#include <memory>
#include <string>

#include "agent/agent.h"
#include "base/result.h"
#include "server/server_options.h"

namespace slipway::server {

struct AgentPart;
struct ApiPart;
struct ControllersPart;
struct Stores;
struct Threads;

class ControlCentre {
 public:
  // `program` is the absolute path of this executable, which the agent starts as `serve`.
  ControlCentre(ServerOptions options, std::string program);
  ~ControlCentre();  // CHECKs that it was stopped, if it was started

  // Opens the data folder and all sockets, starts everything; what had been started is stopped
  // again on an error. Returns once API and registry answer and serve has its sockets.
  Result<void> Start();
  // Ends everything, serve only if so asked, in at most about 8 s.
  void Stop(agent::StopMode mode);

  // Certificate and key are read again, here and by serve, for new connections; the log says what
  // is wrong with them if those of before stay in use. On the thread of Start and Stop, in between.
  void ReloadTls();

  // "http://127.0.0.1:8080"; after Start.
  std::string api_address() const;
  const ServerOptions& options() const { return options_; }

 private:
  Result<void> StartParts();
  Result<void> WriteRunFiles();

  ServerOptions options_;
  std::string program_;
  std::unique_ptr<Threads> threads_;
  std::unique_ptr<Stores> stores_;
  std::unique_ptr<ApiPart> api_;
  std::unique_ptr<ControllersPart> controllers_;
  std::unique_ptr<AgentPart> agent_;
};

}  // namespace slipway::server
