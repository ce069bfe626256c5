#include "net/http_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include "async/deadline.h"
#include "async/descriptor.h"
#include "async/task_group.h"
#include "base/check.h"
#include "base/log.h"
#include "base/metrics.h"
#include "net/connection.h"
#include "net/limits.h"
#include "net/server_core.h"

namespace slipway::net {
namespace {

using std::chrono::milliseconds;

// Connections accepted in one turn of the loop.
constexpr int kMaxAccepts = 64;
// How long accepting rests when there are too many connections or files open.
constexpr milliseconds kAcceptPause{50};

std::array<Counter*, 6> RequestCounters(const std::string& server) {
  std::array<Counter*, 6> counters{};
  for (size_t i = 0; i < counters.size(); ++i) {
    counters[i] = &GetCounter("slipway_http_requests_total", "HTTP requests answered.",
                              {{"server", server}, {"status", std::to_string(i) + "xx"}});
  }
  return counters;
}

// sendfile and TLS writes to a connection that is gone raise it; the default would end the program.
void IgnoreBrokenPipes() {
  struct sigaction now{};
  if (sigaction(SIGPIPE, nullptr, &now) == 0 && now.sa_handler == SIG_DFL) {
    std::signal(SIGPIPE, SIG_IGN);
  }
}

ConnectionOrigin OriginOf(const sockaddr_storage& peer) {
  char text[INET6_ADDRSTRLEN] = {};
  ConnectionOrigin origin;
  if (peer.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(peer);
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text));
    origin.peer_is_loopback = (ntohl(v4.sin_addr.s_addr) >> 24) == 127;
  } else if (peer.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(peer);
    inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text));
    const uint8_t* bytes = v6.sin6_addr.s6_addr;
    origin.peer_is_loopback = IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr) ||
                              (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr) && bytes[12] == 127);
  }
  origin.peer = text;
  return origin;
}

// The own copy of a listening descriptor.
class OwnedDescriptor {
 public:
  explicit OwnedDescriptor(int number) : number_(number) {}
  ~OwnedDescriptor() { close(number_); }
  OwnedDescriptor(const OwnedDescriptor&) = delete;
  OwnedDescriptor& operator=(const OwnedDescriptor&) = delete;
  int number() const { return number_; }

 private:
  const int number_;
};

}  // namespace

struct HttpServer::State {
  State(CorePool& pool, Handler on_request, const GrpcService* service, HttpServerOptions chosen);

  Task<void> Accept(std::shared_ptr<OwnedDescriptor> listening, bool check_host);
  // Accepts what is there: true if accepting has to rest.
  bool AcceptSome(int listening, bool check_host);
  void HandOver(int descriptor, ConnectionOrigin origin);
  Result<void> StartCores();
  Result<std::shared_ptr<TlsContext>> LoadTls() const {
    return LoadTlsContext(options.tls, options.server_name,
                          speaks_grpc ? TlsProtocol::kHttp2 : TlsProtocol::kHttp1);
  }

  CorePool& cores;
  const Handler handler;
  const bool speaks_grpc;
  const HttpServerOptions options;
  std::atomic<size_t> open_connections{0};
  std::vector<std::unique_ptr<ServerCore>> server_cores;
  TaskGroup acceptors;
  size_t next_core = 0;  // where the search for the least loaded one begins; on core 0
  Counter& accepted;
  bool accept_fails = false;  // said once, not twenty times a second
  bool started = false;
  bool stopped = false;
};

HttpServer::State::State(CorePool& pool, Handler on_request, const GrpcService* service,
                         HttpServerOptions chosen)
    : cores(pool),
      handler(std::move(on_request)),
      speaks_grpc(service != nullptr),
      options(std::move(chosen)),
      acceptors(pool.executor(0)),
      accepted(GetCounter("slipway_http_connections_total", "HTTP connections accepted.",
                          {{"server", options.server_name}})) {
  ConnectionEnvironment environment;
  environment.handler = &handler;
  environment.options = &options;
  environment.requests = RequestCounters(options.server_name);
  for (size_t i = 0; i < cores.size(); ++i) {
    server_cores.push_back(
        std::make_unique<ServerCore>(cores.executor(i), environment, service, open_connections));
  }
}

Result<void> HttpServer::State::StartCores() {
  if (started) return {};
  std::shared_ptr<TlsContext> tls;
  if (!options.tls.empty()) {
    TRY(loaded, LoadTls());
    tls = std::move(loaded);
  }
  for (const auto& core : server_cores) {
    TRY_VOID(core->Open(tls));
  }
  started = true;
  for (const auto& core : server_cores) {
    asio::post(core->executor(), [started_core = core.get()] { started_core->Start(); });
  }
  return {};
}

Task<void> HttpServer::State::Accept(std::shared_ptr<OwnedDescriptor> listening, bool check_host) {
  while (true) {
    const Result<void> readable = co_await WaitReadable(listening->number());
    if (!readable.has_value()) {
      if (readable.error().code() == Code::kCancelled) break;
      LogError("cannot wait for connections", {{"error", readable.error()}});
    }
    const bool rest = AcceptSome(listening->number(), check_host) || !readable.has_value();
    if (rest && !co_await SleepFor(kAcceptPause)) break;
  }
}

bool HttpServer::State::AcceptSome(int listening, bool check_host) {
  for (int i = 0; i < kMaxAccepts; ++i) {
    const size_t open = open_connections.load(std::memory_order_relaxed);
    if (open >= options.max_connections + kMaxRefusedConnections) return true;
    sockaddr_storage peer{};
    socklen_t size = sizeof(peer);
    const int descriptor =
        accept4(listening, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) return false;
      if (errno == ECONNABORTED || errno == EINTR) continue;
      if (!std::exchange(accept_fails, true)) {
        LogWarning("cannot accept connections", {{"error", SystemError(errno, "accept")}});
      }
      return true;
    }
    if (std::exchange(accept_fails, false)) LogInfo("accepts connections again");
    const int on = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    ConnectionOrigin origin = OriginOf(peer);
    origin.check_host = check_host;
    origin.refused = open >= options.max_connections;
    HandOver(descriptor, std::move(origin));
  }
  return false;
}

void HttpServer::State::HandOver(int descriptor, ConnectionOrigin origin) {
  accepted.Add(1);
  open_connections.fetch_add(1, std::memory_order_relaxed);
  ServerCore* least = nullptr;
  for (size_t i = 0; i < server_cores.size(); ++i) {
    ServerCore* core = server_cores[(next_core + i) % server_cores.size()].get();
    if (least == nullptr || core->load() < least->load()) least = core;
  }
  ++next_core;
  least->load().fetch_add(1, std::memory_order_relaxed);
  asio::post(least->executor(), [least, descriptor, origin = std::move(origin)]() mutable {
    least->Adopt(descriptor, std::move(origin));
  });
}

HttpServer::HttpServer(CorePool& cores, Handler handler, HttpServerOptions options)
    : state_(std::make_shared<State>(cores, std::move(handler), nullptr, std::move(options))) {
  IgnoreBrokenPipes();
}

HttpServer::HttpServer(CorePool& cores, const GrpcService& service, HttpServerOptions options)
    : state_(std::make_shared<State>(cores, Handler(), &service, std::move(options))) {
  IgnoreBrokenPipes();
}

HttpServer::~HttpServer() {
  CHECK_NOTE(state_->stopped || !state_->started, "await Stop() before an HttpServer is destroyed");
}

Result<void> HttpServer::Listen(const Listener& listener) {
  TRY_VOID(state_->StartCores());
  const int copy = fcntl(listener.descriptor(), F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return SystemError(errno, "cannot copy a listening socket");
  auto listening = std::make_shared<OwnedDescriptor>(copy);
  const bool check_host = state_->options.check_host && listener.is_loopback();
  State* const state = state_.get();
  state->acceptors.Start(
      [state, listening, check_host] { return state->Accept(listening, check_host); });
  return {};
}

Result<void> HttpServer::ReloadTls() {
  if (state_->options.tls.empty()) return {};
  TRY(tls, state_->LoadTls());
  for (const auto& core : state_->server_cores) {
    asio::post(core->executor(), [loaded_core = core.get(), tls] { loaded_core->SetTls(tls); });
  }
  return {};
}

namespace {

Task<void> StopCore(ServerCore* core, milliseconds drain) {
  co_await core->Stop(drain);
}

}  // namespace

Task<void> HttpServer::Stop(milliseconds drain) {
  const std::shared_ptr<State> state = state_;
  if (!state->started || state->stopped) co_return;
  co_await state->acceptors.Stop();
  TaskGroup stopping(co_await asio::this_coro::executor);
  for (const auto& core : state->server_cores) {
    stopping.StartOn(core->executor(),
                     [stopped_core = core.get(), drain] { return StopCore(stopped_core, drain); });
  }
  co_await stopping.Join();
  state->stopped = true;
}

}  // namespace slipway::net
