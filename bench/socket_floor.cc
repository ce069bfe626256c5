// The floor of large bodies: a bare socket loop that reads requests and answers them, nothing else.
//
//   socket_floor PORT BYTES      answers every POST with that many bytes of its body, until SIGTERM
//
// One thread, one epoll, one buffer for each connection. It understands no more of HTTP than where
// a body begins and how long it is.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr size_t kChunkBytes = size_t{256} << 10;

struct Peer {
  int socket = -1;
  std::vector<char> in;  // the head and the body
  size_t have = 0;
  size_t head = 0;  // length of the head, 0: not known
  size_t body = 0;
};

[[noreturn]] void Fail(const char* what) {
  std::perror(what);
  std::exit(1);  // NOLINT(concurrency-mt-unsafe): there are no other threads
}

// Whether the head is there; keeps its length and the body's.
bool SeeHead(Peer& peer) {
  const std::string_view seen(peer.in.data(), peer.have);
  const size_t end = seen.find("\r\n\r\n");
  if (end == std::string_view::npos) return false;
  peer.head = end + 4;
  peer.body = 0;
  const size_t at = std::min(seen.find("Content-Length: "), seen.find("content-length: "));
  if (at < end) peer.body = std::strtoul(seen.data() + at + 16, nullptr, 10);
  return true;
}

bool Send(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) continue;
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

bool Answer(Peer& peer, size_t answer_bytes) {
  const size_t count = std::min(answer_bytes, peer.body);
  const std::string head =
      "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(count) + "\r\n\r\n";
  if (!Send(peer.socket, head) || !Send(peer.socket, {peer.in.data() + peer.head, count})) {
    return false;
  }
  peer.have = peer.head = 0;
  return true;
}

// False: the connection is over.
bool OnInput(Peer& peer, size_t answer_bytes) {
  while (true) {
    if (peer.in.size() < peer.have + kChunkBytes) {
      peer.in.resize(std::max(peer.have + kChunkBytes, peer.head + peer.body));
    }
    const ssize_t got =
        recv(peer.socket, peer.in.data() + peer.have, peer.in.size() - peer.have, 0);
    if (got < 0 && errno == EAGAIN) return true;
    if (got <= 0) return false;
    peer.have += static_cast<size_t>(got);
    if (peer.head == 0 && !SeeHead(peer)) continue;
    if (peer.have >= peer.head + peer.body && !Answer(peer, answer_bytes)) return false;
  }
}

int Listen(uint16_t port) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const int yes = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) Fail("bind");
  if (listen(listener, 128) != 0) Fail("listen");
  return listener;
}

void Watch(int epoll, Peer* peer) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = peer;
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, peer->socket, &event) != 0) Fail("epoll_ctl");
}

void Accept(int epoll, int listener) {
  const int socket = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
  if (socket < 0) return;
  const int yes = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  auto peer = std::make_unique<Peer>();
  peer->socket = socket;
  Watch(epoll, peer.release());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const size_t answer_bytes = std::strtoul(argv[2], nullptr, 10);
  Peer listener{.socket = Listen(static_cast<uint16_t>(std::atoi(argv[1]))), .in = {}};
  const int epoll = epoll_create1(0);
  Watch(epoll, &listener);
  std::array<epoll_event, 64> events;
  while (true) {
    const int ready = epoll_wait(epoll, events.data(), events.size(), -1);
    for (int i = 0; i < ready; ++i) {
      auto* peer = static_cast<Peer*>(events[static_cast<size_t>(i)].data.ptr);
      if (peer == &listener) {
        Accept(epoll, listener.socket);
      } else if (!OnInput(*peer, answer_bytes)) {
        close(peer->socket);
        delete peer;
      }
    }
  }
}
