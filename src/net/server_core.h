// ServerCore: the connections of one server on one core.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <list>
#include <memory>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "async/task_group.h"
#include "async/wakeup.h"
#include "net/poller.h"
#include "net/served_connection.h"

namespace slipway::net {

class GrpcService;

// Made anywhere; all but load() is used on the core itself.
class ServerCore {
 public:
  // `open_connections` counts those of the whole server; it is lowered when one ends.
  // `service`: nullptr for HTTP/1.1.
  ServerCore(asio::any_io_executor executor, ConnectionEnvironment environment,
             const GrpcService* service, std::atomic<size_t>& open_connections);
  ~ServerCore();

  // Before Start. `tls`: nullptr for plain connections.
  Result<void> Open(std::shared_ptr<TlsContext> tls);
  void Start();
  // For connections that come from now on.
  void SetTls(std::shared_ptr<TlsContext> tls) { environment_.tls = std::move(tls); }
  // Takes a connected socket over.
  void Adopt(int descriptor, ConnectionOrigin origin);
  // Lets requests in flight end until `drain` is over, then cancels the rest and waits for it.
  Task<void> Stop(std::chrono::milliseconds drain);

  // Connections here or on their way, for choosing the least loaded core; from any thread.
  std::atomic<size_t>& load() { return load_; }
  const asio::any_io_executor& executor() const { return executor_; }

 private:
  using Connections = std::list<std::unique_ptr<ServedConnection>>;

  Task<void> TickWhileOpen();
  void Tick();
  std::unique_ptr<ServedConnection> MakeConnection(int descriptor, ConnectionOrigin origin);
  void Ended(Connections::iterator connection);
  Task<void> WaitUntilEmpty(std::chrono::steady_clock::time_point end);

  const asio::any_io_executor executor_;
  ConnectionEnvironment environment_;
  const std::unique_ptr<GrpcCore> grpc_;
  std::atomic<size_t>& open_connections_;
  std::atomic<size_t> load_{0};
  Poller poller_;
  Connections connections_;
  Wakeup has_connections_;
  Wakeup changed_;  // a connection ended
  int64_t date_s_ = 0;
  TaskGroup tasks_;
};

}  // namespace slipway::net
