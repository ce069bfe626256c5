// RawClient: a blocking TCP client that sends what no HTTP library would.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace slipway::net {

struct RawResponse {
  int status = 0;  // 0: there was no answer
  std::string head;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;                            // chunks joined
  bool complete = false;                       // as its framing says
};

class RawClient {
 public:
  explicit RawClient(uint16_t port);
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  // False once the server has reset the connection.
  bool Send(std::string_view bytes);
  // The next answer; of one to HEAD, the head alone.
  RawResponse Receive(bool to_head = false);
  RawResponse Exchange(std::string_view bytes) {
    Send(bytes);
    return Receive();
  }
  // Everything until the server ends the connection, or `patience` is over.
  std::string ReceiveAll(std::chrono::milliseconds patience = std::chrono::seconds(10));
  // Some bytes, at least one; nothing at the end of the connection, or of the patience.
  std::string ReceiveSome(std::chrono::milliseconds patience = std::chrono::seconds(10));
  // Whether the server has ended the connection, in order, within `patience`.
  bool AtEnd(std::chrono::milliseconds patience = std::chrono::seconds(10));
  // Whether it was ended by a reset.
  bool was_reset() const { return was_reset_; }
  void ShutdownWrite();
  void Close();                // in order
  void Reset();                // with RST
  void ShrinkReceiveBuffer();  // before much is received

 private:
  bool Fill(std::chrono::milliseconds patience);

  int descriptor_ = -1;
  std::string buffer_;
  bool was_reset_ = false;
};

// A GET request for a path, with Host.
std::string GetRequest(std::string_view path, std::string_view more_headers = "");

}  // namespace slipway::net
