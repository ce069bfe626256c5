// RequestBody: a request's body, from the connection's buffer and then from its socket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/chunked.h"
#include "net/http_message.h"
#include "net/input_buffer.h"
#include "net/request_head.h"

namespace slipway::net {

// What a body needs of its connection.
class BodyInput {
 public:
  // At least one byte, or 0 at the end of the stream. Sends `100 Continue` first if the client
  // waits for it. Errors as BodyReader::Read.
  virtual Task<Result<size_t>> ReadSocket(char* out, size_t size) = 0;

 protected:
  ~BodyInput() = default;
};

class RequestBody final : public BodyReader {
 public:
  RequestBody(InputBuffer& buffer, BodyInput& input) : buffer_(buffer), input_(input) {}

  // For the next request, whose head the buffer has consumed.
  void Begin(const Framing& framing);

  std::optional<uint64_t> length() const override { return declared_; }
  Task<Result<size_t>> Read(char* out, size_t size) override;
  Task<Result<std::string>> ReadAll(uint64_t limit_bytes) override;
  std::optional<std::string_view> TakeBuffered() override;

  // Reads away what is left, up to `limit_bytes`: true if the body has ended.
  Task<bool> Discard(uint64_t limit_bytes);
  bool finished() const { return chunked_ ? decoder_.finished() : remaining_ == 0; }
  bool begun() const { return begun_; }
  // Whether it ends within `limit_bytes`, as far as is known.
  bool EndsWithin(uint64_t limit_bytes) const;

 private:
  Task<Result<size_t>> ReadSized(char* out, size_t size);
  Task<Result<size_t>> ReadChunked(char* out, size_t size);
  Error Fail(Error error);
  Error Truncated();

  InputBuffer& buffer_;
  BodyInput& input_;
  std::optional<uint64_t> declared_;
  bool chunked_ = false;
  bool begun_ = false;
  uint64_t remaining_ = 0;  // of a body with a declared length
  ChunkedDecoder decoder_;
  std::optional<Error> failure_;  // answered again to each later call
};

}  // namespace slipway::net
