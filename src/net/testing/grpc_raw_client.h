// GrpcRawClient: HTTP/2 frames as no library would send them, and what a server says to them.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/testing/raw_client.h"

namespace slipway::net {

// Types of frames, and flags, as RFC 9113 section 6 numbers them.
enum class Frame : uint8_t {
  kData = 0,
  kHeaders = 1,
  kPriority = 2,
  kReset = 3,
  kSettings = 4,
  kPing = 6,
  kGoAway = 7,
  kWindowUpdate = 8,
  kContinuation = 9,
};
inline constexpr uint8_t kEndStream = 1;
inline constexpr uint8_t kAck = 1;
inline constexpr uint8_t kEndHeaders = 4;

std::string MakeFrame(Frame type, uint8_t flags, uint32_t stream, std::string_view payload);
std::string BigEndian32(uint32_t value);
std::string LengthPrefixed(std::string_view message, bool compressed = false);

using GrpcHeaders = std::vector<std::pair<std::string, std::string>>;
// Without Huffman and tables.
std::string HeaderBlock(const GrpcHeaders& headers);
// Of a call to `path` as gRPC's clients send them.
GrpcHeaders CallHeaders(std::string_view path, const GrpcHeaders& more = {});

// What came of one call.
struct GrpcAnswer {
  std::map<std::string, std::string> headers;  // with the trailers
  std::string data;
  bool ended = false;
  std::optional<uint32_t> reset;  // by this code
  // grpc-status, -1: there is none.
  int status() const;
  // The one message of `data`, without its prefix.
  std::string message() const { return data.size() < 5 ? "" : data.substr(5); }
};

class GrpcRawClient {
 public:
  // Connects; `begins` also sends the preface and SETTINGS, of which `settings` is the payload.
  explicit GrpcRawClient(uint16_t port, bool begins = true, std::string_view settings = "");
  ~GrpcRawClient();

  RawClient& raw() { return raw_; }
  bool Send(Frame type, uint8_t flags, uint32_t stream, std::string_view payload = "") {
    return raw_.Send(MakeFrame(type, flags, stream, payload));
  }
  // A whole unary call; its stream.
  uint32_t Call(std::string_view path, std::string_view message, const GrpcHeaders& more = {});
  uint32_t next_stream() { return std::exchange(next_stream_, next_stream_ + 2); }

  // Takes frames until the call has ended or been reset, or the connection ends.
  GrpcAnswer Wait(uint32_t stream);
  GrpcAnswer Unary(std::string_view path, std::string_view message, const GrpcHeaders& more = {}) {
    return Wait(Call(path, message, more));
  }
  // Takes frames until the server says GOAWAY with a code other than 0, or ends the connection: the
  // code, and nothing when it ended without.
  std::optional<uint32_t> WaitForGoAway();
  // Whether the connection has ended in order, after all its frames.
  bool AtEnd();
  const std::string& goaway_text() const { return goaway_text_; }
  // Takes the frames that came, waiting for one at least: false at the end of the connection.
  bool Take(std::chrono::milliseconds patience = std::chrono::seconds(10));
  GrpcAnswer& answer(uint32_t stream) { return answers_[stream]; }
  int goaways() const { return goaways_; }
  // Whether WINDOW_UPDATE is sent for what comes, as clients do.
  bool opens_windows = true;

 private:
  struct Inflater;
  void TakeFrame(Frame type, uint8_t flags, uint32_t stream, std::string_view payload);

  RawClient raw_;
  std::unique_ptr<Inflater> inflater_;
  uint32_t next_stream_ = 1;
  std::string bytes_;
  std::map<uint32_t, GrpcAnswer> answers_;
  std::optional<uint32_t> goaway_code_;
  std::string goaway_text_;
  int goaways_ = 0;
};

}  // namespace slipway::net
