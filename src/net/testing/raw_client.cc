#include "net/testing/raw_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <utility>

#include "base/check.h"

namespace slipway::net {
namespace {

constexpr std::chrono::milliseconds kPatience{10'000};

std::string Lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

size_t ParseSize(std::string_view text, int base) {
  size_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, base);
  return value;
}

}  // namespace

RawClient::RawClient(uint16_t port) {
  descriptor_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK(descriptor_ >= 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
}

RawClient::~RawClient() {
  Close();
}

void RawClient::Close() {
  if (descriptor_ >= 0) close(descriptor_);
  descriptor_ = -1;
}

void RawClient::Reset() {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  Close();
}

void RawClient::ShutdownWrite() {
  shutdown(descriptor_, SHUT_WR);
}

void RawClient::ShrinkReceiveBuffer() {
  const int size = 4096;
  setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

bool RawClient::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(put));
  }
  return true;
}

bool RawClient::Fill(std::chrono::milliseconds patience) {
  pollfd waiting{.fd = descriptor_, .events = POLLIN, .revents = 0};
  if (poll(&waiting, 1, static_cast<int>(patience.count())) <= 0) return false;
  char piece[65536];
  const ssize_t got = recv(descriptor_, piece, sizeof(piece), 0);
  if (got < 0 && errno == ECONNRESET) was_reset_ = true;
  if (got <= 0) return false;
  buffer_.append(piece, static_cast<size_t>(got));
  return true;
}

RawResponse RawClient::Receive(bool to_head) {
  RawResponse response;
  size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!Fill(kPatience)) return response;
  }
  response.head = buffer_.substr(0, end + 2);
  buffer_.erase(0, end + 4);
  response.status = static_cast<int>(ParseSize(response.head.substr(9, 3), 10));
  for (size_t at = response.head.find("\r\n") + 2; at < response.head.size();) {
    const size_t line_end = response.head.find("\r\n", at);
    const size_t colon = response.head.find(": ", at);
    response.headers[Lower(response.head.substr(at, colon - at))] =
        response.head.substr(colon + 2, line_end - colon - 2);
    at = line_end + 2;
  }
  response.complete = true;
  if (to_head || response.status < 200 || response.status == 204 || response.status == 304) {
    return response;
  }
  if (response.headers.contains("content-length")) {
    const size_t size = ParseSize(response.headers["content-length"], 10);
    while (buffer_.size() < size && Fill(kPatience)) {
    }
    response.complete = buffer_.size() >= size;
    response.body = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return response;
  }
  if (!response.headers.contains("transfer-encoding")) {
    response.body = ReceiveAll();
    return response;
  }
  response.complete = false;
  while (true) {
    size_t line = 0;
    while ((line = buffer_.find("\r\n")) == std::string::npos) {
      if (!Fill(kPatience)) return response;
    }
    const size_t size = ParseSize(buffer_.substr(0, line), 16);
    while (buffer_.size() < line + 2 + size + 2) {
      if (!Fill(kPatience)) return response;
    }
    response.body += buffer_.substr(line + 2, size);
    buffer_.erase(0, line + 2 + size + 2);
    if (size == 0) {
      response.complete = true;
      return response;
    }
  }
}

std::string RawClient::ReceiveSome(std::chrono::milliseconds patience) {
  if (buffer_.empty()) Fill(patience);
  return std::exchange(buffer_, std::string());
}

std::string RawClient::ReceiveAll(std::chrono::milliseconds patience) {
  while (Fill(patience)) {
  }
  std::string all;
  all.swap(buffer_);
  return all;
}

bool RawClient::AtEnd(std::chrono::milliseconds patience) {
  pollfd waiting{.fd = descriptor_, .events = POLLIN, .revents = 0};
  if (!buffer_.empty() || poll(&waiting, 1, static_cast<int>(patience.count())) <= 0) return false;
  char byte = 0;
  const ssize_t got = recv(descriptor_, &byte, 1, MSG_PEEK);
  if (got < 0 && errno == ECONNRESET) was_reset_ = true;
  return got == 0;
}

std::string GetRequest(std::string_view path, std::string_view more_headers) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n" +
         std::string(more_headers) + "\r\n";
}

}  // namespace slipway::net
