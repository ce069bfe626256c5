// Transport: reading and writing a connection without waiting, plain or TLS.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/result.h"
#include "net/poller.h"
#include "net/tls_files.h"

namespace slipway::net {

enum class IoStatus : uint8_t {
  kDone,         // at least one byte, or the step, is done
  kWouldBlock,   // wait for IoResult::wants and try again
  kEnd,          // the peer has ended its direction
  kFailed,       // the connection is of no more use
  kUnsupported,  // SendFile alone: use Write
  kPlainHttp,    // Handshake alone: the peer speaks HTTP without TLS; nothing was read
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
  // Whether the peer has sent more than was read: for one that has closed its end.
  virtual bool HasInput() = 0;
  // Once the handshake is done: who the client has proved to be, as "spiffe://..." or
  // "CN=edge,O=x"; empty: it has brought no certificate.
  virtual std::string PeerIdentity() const { return {}; }
};

// Subjects of callers that such an identity names begin so.
inline constexpr std::string_view kCertificateSubject = "certificate/";

std::unique_ptr<Transport> MakePlainTransport(PolledSocket& socket);

// A server's certificate and key, and what else its TLS connections share. Immutable; a transport
// may outlive it.
class TlsContext {
 public:
  virtual ~TlsContext() = default;
  virtual std::unique_ptr<Transport> MakeTransport(PolledSocket& socket) = 0;
};
// What is offered to clients that name protocols (ALPN): one, and no other is taken.
enum class TlsProtocol : uint8_t { kHttp1, kHttp2 };
// Blocking. Errors as CheckTlsFiles. Log and metrics are told until when the certificate of this
// server is valid; the log warns of one that is not.
Result<std::shared_ptr<TlsContext>> LoadTlsContext(const TlsFiles& files,
                                                   std::string_view server_name,
                                                   TlsProtocol protocol = TlsProtocol::kHttp1);

}  // namespace slipway::net
