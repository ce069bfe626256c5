// HttpCaller: a blocking HTTP/1.1 client on one kept connection, for tests that must see every
// failure as a client sees it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway::gateway {

struct HttpAnswer {
  int status = 0;
  std::string head;  // lower case
  std::string body;
};

class HttpCaller {
 public:
  explicit HttpCaller(uint16_t port) : port_(port) {}
  ~HttpCaller() { Close(); }
  HttpCaller(const HttpCaller&) = delete;
  HttpCaller& operator=(const HttpCaller&) = delete;

  // One request and its answer; connects first if it has to. UNAVAILABLE for a connection that was
  // refused, reset or closed in the middle: nothing is tried twice.
  Result<HttpAnswer> Call(std::string_view method, std::string_view path,
                          std::string_view body = {}, std::string_view headers = {});
  Result<HttpAnswer> Get(std::string_view path, std::string_view headers = {}) {
    return Call("GET", path, {}, headers);
  }
  Result<HttpAnswer> Post(std::string_view path, std::string_view body,
                          std::string_view headers = {}) {
    return Call("POST", path, body, headers);
  }
  // Bytes as they are, and one answer.
  Result<HttpAnswer> Raw(std::string_view bytes);
  // The request without waiting for an answer.
  Result<void> Send(std::string_view bytes);
  Result<HttpAnswer> Receive();
  void Close();

 private:
  Result<void> Connect();

  const uint16_t port_;
  int socket_ = -1;
  std::string read_;  // bytes behind the last answer
};

// A request of `method` as Call would send it.
std::string MakeRequest(std::string_view method, std::string_view path, std::string_view body = {},
                        std::string_view headers = {});

}  // namespace slipway::gateway
