#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "net/http_server.h"
#include "net/request_head.h"

namespace slipway::net {
namespace {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

Result<SocketAddress> ParseAddress(const std::string& address, uint16_t port) {
  std::string text = address == "localhost" ? "127.0.0.1" : address;
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  SocketAddress parsed;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&parsed.storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&parsed.storage);
  if (inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    parsed.size = sizeof(*v4);
    return parsed;
  }
  if (inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    parsed.size = sizeof(*v6);
    return parsed;
  }
  return InvalidArgument("ADDRESS_INVALID", "'" + address +
                                                "' is no address to listen on; give an IPv4 or "
                                                "IPv6 address, such as 127.0.0.1");
}

Result<void> MakeListening(int descriptor, const SocketAddress& address) {
  const int on = 1;
  setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (bind(descriptor, reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0 ||
      listen(descriptor, SOMAXCONN) != 0) {
    return SystemError(errno, "bind");
  }
  return {};
}

// With words for the person who started the program.
Error CannotListen(const Error& error, const std::string& address, uint16_t port) {
  const std::string where = "port " + std::to_string(port) + " of " + address;
  if (error.reason() == "ADDRESS_IN_USE") {
    return Error(error.code(), error.reason(),
                 where +
                     " is in use: end the program that has it, or choose other ports with "
                     "--port-base");
  }
  return error.Prefixed("cannot listen on " + where + ": ");
}

// The address and port that a socket is bound to.
Result<std::pair<std::string, uint16_t>> LocalName(int descriptor) {
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  if (getsockname(descriptor, reinterpret_cast<sockaddr*>(&storage), &size) != 0) {
    return SystemError(errno, "cannot read the address of a listening socket");
  }
  char text[INET6_ADDRSTRLEN] = {};
  if (storage.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&storage);
    inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text));
    return std::pair(std::string(text), ntohs(v4->sin_port));
  }
  if (storage.ss_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&storage);
    inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text));
    return std::pair(std::string(text), ntohs(v6->sin6_port));
  }
  return InvalidArgument("ADDRESS_INVALID", "The descriptor is no TCP socket");
}

}  // namespace

Listener::Listener(int descriptor, std::string address, uint16_t port)
    : descriptor_(descriptor), address_(std::move(address)), port_(port) {}

Listener::Listener(Listener&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      address_(std::move(other.address_)),
      port_(other.port_) {}

Listener& Listener::operator=(Listener&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  address_ = other.address_;
  port_ = other.port_;
  return *this;
}

Listener::~Listener() {
  if (descriptor_ >= 0) close(descriptor_);
}

Result<Listener> Listener::Open(const std::string& address, uint16_t port) {
  TRY(parsed, ParseAddress(address, port));
  const int descriptor =
      socket(parsed.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return SystemError(errno, "cannot make a socket");
  Listener listener(descriptor, address, port);  // closes it on failure
  const Result<void> listening = MakeListening(descriptor, parsed);
  if (!listening.has_value()) {
    return CannotListen(listening.error(), address, port);
  }
  TRY(name, LocalName(descriptor));
  listener.address_ = name.first;
  listener.port_ = name.second;
  return listener;
}

Result<Listener> Listener::Adopt(int descriptor) {
  Listener listener(descriptor, "", 0);
  int listens = 0;
  socklen_t size = sizeof(listens);
  if (getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0) {
    return FailedPrecondition(
        "NOT_LISTENING", "Descriptor " + std::to_string(descriptor) + " is no socket that listens");
  }
  TRY(name, LocalName(descriptor));
  const int flags = fcntl(descriptor, F_GETFL);
  if (flags < 0 || fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) != 0 ||
      fcntl(descriptor, F_SETFD, FD_CLOEXEC) != 0) {
    return SystemError(errno, "cannot prepare a listening socket");
  }
  listener.address_ = name.first;
  listener.port_ = name.second;
  return listener;
}

bool Listener::is_loopback() const {
  return IsLoopbackHost(address_.find(':') == std::string::npos ? address_ : "[" + address_ + "]");
}

}  // namespace slipway::net
