#include "gateway/testing/http_caller.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace slipway::gateway {
namespace {

Error Gone(std::string_view what) {
  return Unavailable("CONNECTION", SystemError(errno, what).message());
}

}  // namespace

std::string MakeRequest(std::string_view method, std::string_view path, std::string_view body,
                        std::string_view headers) {
  std::string request = std::string(method) + " " + std::string(path) + " HTTP/1.1\r\n" +
                        "Host: localhost\r\n" + std::string(headers);
  if (!body.empty() || method == "POST") {
    request += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  }
  return request + "\r\n" + std::string(body);
}

Result<HttpAnswer> HttpCaller::Call(std::string_view method, std::string_view path,
                                    std::string_view body, std::string_view headers) {
  return Raw(MakeRequest(method, path, body, headers));
}

Result<HttpAnswer> HttpCaller::Raw(std::string_view bytes) {
  TRY_VOID(Send(bytes));
  return Receive();
}

Result<void> HttpCaller::Connect() {
  if (socket_ >= 0) return {};
  socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket_ < 0) return Gone("socket");
  const int one = 1;
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
  const timeval patience{.tv_sec = 30, .tv_usec = 0};
  setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port_);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    Close();
    return Gone("connect");
  }
  return {};
}

Result<void> HttpCaller::Send(std::string_view bytes) {
  TRY_VOID(Connect());
  while (!bytes.empty()) {
    const ssize_t sent = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return Gone("send");
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return {};
}

Result<HttpAnswer> HttpCaller::Receive() {
  HttpAnswer answer;
  size_t head_size = std::string::npos;
  size_t wanted = 0;
  while (true) {
    if (head_size == std::string::npos) {
      const size_t end = read_.find("\r\n\r\n");
      if (end != std::string::npos) {
        head_size = end + 4;
        answer.head = read_.substr(0, head_size);
        std::transform(answer.head.begin(), answer.head.end(), answer.head.begin(),
                       [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        answer.status = std::atoi(answer.head.c_str() + 9);
        const size_t length = answer.head.find("content-length: ");
        wanted = head_size;
        if (length != std::string::npos) {
          wanted += static_cast<size_t>(std::atoll(answer.head.c_str() + length + 16));
        }
      }
    }
    if (head_size != std::string::npos && read_.size() >= wanted) break;
    std::array<char, 16384> block;
    const ssize_t got = recv(socket_, block.data(), block.size(), 0);
    if (got <= 0) {
      Close();
      return Gone(got == 0 ? "closed in the middle" : "recv");
    }
    read_.append(block.data(), static_cast<size_t>(got));
  }
  answer.body = read_.substr(head_size, wanted - head_size);
  read_.erase(0, wanted);
  if (answer.head.find("connection: close") != std::string::npos) Close();
  return answer;
}

void HttpCaller::Close() {
  if (socket_ >= 0) close(socket_);
  socket_ = -1;
  read_.clear();
}

}  // namespace slipway::gateway
