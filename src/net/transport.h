// Transport: reading and writing a connection without waiting, plain or TLS.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "net/poller.h"

namespace slipway::net {

enum class IoStatus : uint8_t {
  kDone,         // at least one byte, or the step, is done
  kWouldBlock,   // wait for IoResult::wants and try again
  kEnd,          // the peer has ended its direction
  kFailed,       // the connection is of no more use
  kUnsupported,  // SendFile alone: use Write
};

struct IoResult {
  IoStatus status = IoStatus::kDone;
  size_t bytes = 0;
  Direction wants = Direction::kRead;
};

// One for each connection; the socket outlives it. Nothing waits.
class Transport {
 public:
  virtual ~Transport() = default;
  // Called first, again after each wait, until it is done.
  virtual IoResult Handshake() = 0;
  virtual IoResult Read(char* out, size_t size) = 0;
  // Writes a part of the buffers or all. After kWouldBlock the next call is given the same bytes.
  virtual IoResult Write(std::span<const iovec> buffers) = 0;
  virtual IoResult SendFile(int descriptor, uint64_t offset, size_t size) = 0;
  // Tells the peer that nothing more will be written.
  virtual void ShutdownWrite() = 0;
};

std::unique_ptr<Transport> MakePlainTransport(PolledSocket& socket);

}  // namespace slipway::net
