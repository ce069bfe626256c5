#include "net/server_core.h"

#include <algorithm>
#include <exception>
#include <utility>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>

#include "async/deadline.h"
#include "base/clock.h"
#include "net/connection.h"
#include "net/grpc_connection.h"
#include "net/grpc_core.h"
#include "net/response_head.h"

namespace slipway::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kLongestTick{200};
constexpr milliseconds kShortestTick{5};

int64_t SteadyMs() {
  const auto since = steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<milliseconds>(since).count();
}

// Fine enough that a time-out is late by a quarter at most.
milliseconds TickOf(const HttpServerOptions& options) {
  const milliseconds shortest = std::min(
      {options.head_timeout, options.idle_timeout, options.body_timeout, options.write_timeout});
  return std::clamp(shortest / 4, kShortestTick, kLongestTick);
}

Task<void> RunConnection(ServedConnection* connection) {
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await connection->Run();
}

}  // namespace

ServerCore::ServerCore(asio::any_io_executor executor, ConnectionEnvironment environment,
                       const GrpcService* service, std::atomic<size_t>& open_connections)
    : executor_(executor),
      environment_(std::move(environment)),
      grpc_(service == nullptr
                ? nullptr
                : std::make_unique<GrpcCore>(*service, environment_.options->server_name)),
      open_connections_(open_connections),
      poller_(executor),
      has_connections_(executor),
      changed_(executor),
      tasks_(executor) {
  environment_.tick_ms = TickOf(*environment_.options).count();
  environment_.grpc = grpc_.get();
}

ServerCore::~ServerCore() = default;

Result<void> ServerCore::Open(std::shared_ptr<TlsContext> tls) {
  environment_.tls = std::move(tls);
  return poller_.Open();
}

void ServerCore::Start() {
  Tick();
  tasks_.Start([this] { return poller_.Run(); });
  tasks_.Start([this] { return TickWhileOpen(); });
}

Task<void> ServerCore::TickWhileOpen() {
  while (true) {
    if (connections_.empty() && !co_await has_connections_.Wait()) break;
    Tick();
    if (!co_await SleepFor(milliseconds(environment_.tick_ms))) break;
  }
}

void ServerCore::Tick() {
  environment_.now_ms = SteadyMs();
  const int64_t wall_s = SystemClock().Wall().time_since_epoch().count() / 1000;
  if (wall_s != date_s_) environment_.date = HttpDate(wall_s);
  date_s_ = wall_s;
  // A connection may end, and leave the list, while it is looked at.
  for (auto next = connections_.begin(); next != connections_.end();) {
    ServedConnection& connection = **next++;
    connection.OnTick();
  }
}

std::unique_ptr<ServedConnection> ServerCore::MakeConnection(int descriptor,
                                                             ConnectionOrigin origin) {
  if (grpc_ == nullptr) {
    return std::make_unique<Connection>(environment_, poller_, descriptor, std::move(origin));
  }
  return std::make_unique<GrpcConnection>(environment_, poller_, descriptor, std::move(origin),
                                          executor_);
}

void ServerCore::Adopt(int descriptor, ConnectionOrigin origin) {
  if (connections_.empty()) {
    Tick();  // the time stood still
    has_connections_.Notify();
  }
  const auto connection =
      connections_.insert(connections_.end(), MakeConnection(descriptor, std::move(origin)));
  auto done = [this, connection](const std::exception_ptr& failure) {
    if (failure) std::rethrow_exception(failure);
    Ended(connection);
  };
  asio::co_spawn(executor_, RunConnection(connection->get()),
                 asio::bind_cancellation_slot((*connection)->signal().slot(), std::move(done)));
}

void ServerCore::Ended(Connections::iterator connection) {
  connections_.erase(connection);
  load_.fetch_sub(1, std::memory_order_relaxed);
  open_connections_.fetch_sub(1, std::memory_order_relaxed);
  if (environment_.stopping) changed_.Notify();
}

Task<void> ServerCore::WaitUntilEmpty(steady_clock::time_point end) {
  while (!connections_.empty()) {
    const auto left = std::chrono::ceil<milliseconds>(end - steady_clock::now());
    if (left.count() <= 0) break;
    co_await changed_.WaitFor(left);
  }
}

Task<void> ServerCore::Stop(milliseconds drain) {
  environment_.stopping = true;
  environment_.tick_ms = std::min<int64_t>(environment_.tick_ms, 25);
  co_await WaitUntilEmpty(steady_clock::now() + drain);
  for (auto next = connections_.begin(); next != connections_.end();) {
    ServedConnection& connection = **next++;
    connection.Abort();
  }
  while (!connections_.empty()) co_await changed_.WaitFor(kLongestTick);
  co_await tasks_.Stop();
}

}  // namespace slipway::net
