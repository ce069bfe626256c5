// TLS on OpenSSL: the non-blocking half of it; whoever calls waits for the socket.
#include <sys/socket.h>

#include <algorithm>
#include <climits>
#include <cstring>
#include <string_view>
#include <utility>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "net/transport.h"

namespace slipway::net {
namespace {

// The only protocol offered; its length byte comes first.
constexpr unsigned char kAlpn[] = "\x08http/1.1";

struct ContextDeleter {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
struct SslDeleter {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using ContextPointer = std::unique_ptr<SSL_CTX, ContextDeleter>;
using SslPointer = std::unique_ptr<SSL, SslDeleter>;

extern "C" int SlipwaySelectAlpn(SSL*, const unsigned char** out, unsigned char* out_size,
                                 const unsigned char* offered, unsigned int offered_size, void*) {
  unsigned char* chosen = nullptr;
  const int outcome =
      SSL_select_next_proto(&chosen, out_size, kAlpn, sizeof(kAlpn) - 1, offered, offered_size);
  *out = chosen;
  return outcome == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

Error CertificateError(const std::string& what) {
  char text[256] = "unknown";
  const unsigned long code = ERR_get_error();
  if (code != 0) ERR_error_string_n(code, text, sizeof(text));
  ERR_clear_error();
  return FailedPrecondition("TLS_CERTIFICATE", what + ": " + text);
}

class TlsTransport final : public Transport {
 public:
  TlsTransport(SslPointer ssl, PolledSocket& socket) : ssl_(std::move(ssl)), socket_(socket) {}

  IoResult Handshake() override {
    ERR_clear_error();
    const int done = SSL_accept(ssl_.get());
    return done == 1 ? IoResult{} : ResultOf(done);
  }

  IoResult Read(char* out, size_t size) override {
    ERR_clear_error();
    const int got = SSL_read(ssl_.get(), out, static_cast<int>(std::min<size_t>(size, INT_MAX)));
    return got > 0 ? IoResult{.bytes = static_cast<size_t>(got)} : ResultOf(got);
  }

  IoResult Write(std::span<const iovec> buffers) override {
    ERR_clear_error();
    const size_t size = std::min<size_t>(buffers[0].iov_len, INT_MAX);
    if (size == 0) return {};
    const int put = SSL_write(ssl_.get(), buffers[0].iov_base, static_cast<int>(size));
    return put > 0 ? IoResult{.bytes = static_cast<size_t>(put)} : ResultOf(put);
  }

  IoResult SendFile(int, uint64_t, size_t) override { return {.status = IoStatus::kUnsupported}; }

  void ShutdownWrite() override {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    shutdown(socket_.descriptor(), SHUT_WR);
  }

  // A closing peer sends an alert: bytes in the socket that are no input.
  bool HasInput() override {
    ERR_clear_error();
    char byte = 0;
    return SSL_peek(ssl_.get(), &byte, 1) > 0;
  }

 private:
  IoResult ResultOf(int outcome) {
    switch (SSL_get_error(ssl_.get(), outcome)) {
      case SSL_ERROR_WANT_READ:
        return Blocked(Direction::kRead);
      case SSL_ERROR_WANT_WRITE:
        return Blocked(Direction::kWrite);
      case SSL_ERROR_ZERO_RETURN:
        return {.status = IoStatus::kEnd};
      default:
        return {.status = IoStatus::kFailed};
    }
  }
  IoResult Blocked(Direction direction) {
    socket_.ClearReady(direction);
    return {.status = IoStatus::kWouldBlock, .bytes = 0, .wants = direction};
  }

  SslPointer ssl_;
  PolledSocket& socket_;
};

// A connection whose TLS state could not be made: ends at the handshake.
class FailedTransport final : public Transport {
 public:
  IoResult Handshake() override { return {.status = IoStatus::kFailed}; }
  IoResult Read(char*, size_t) override { return {.status = IoStatus::kFailed}; }
  IoResult Write(std::span<const iovec>) override { return {.status = IoStatus::kFailed}; }
  IoResult SendFile(int, uint64_t, size_t) override { return {.status = IoStatus::kFailed}; }
  void ShutdownWrite() override {}
  bool HasInput() override { return false; }
};

class OpenSslContext final : public TlsContext {
 public:
  explicit OpenSslContext(ContextPointer context) : context_(std::move(context)) {}

  std::unique_ptr<Transport> MakeTransport(PolledSocket& socket) override {
    SslPointer ssl(SSL_new(context_.get()));
    if (ssl == nullptr || SSL_set_fd(ssl.get(), socket.descriptor()) != 1) {
      return std::make_unique<FailedTransport>();
    }
    return std::make_unique<TlsTransport>(std::move(ssl), socket);
  }

 private:
  ContextPointer context_;
};

}  // namespace

Result<std::unique_ptr<TlsContext>> LoadTlsContext(const std::string& certificate_file,
                                                   const std::string& key_file) {
  if (certificate_file.empty() || key_file.empty()) {
    return FailedPrecondition("TLS_CERTIFICATE",
                              "TLS needs both a certificate file and a key file; give the other");
  }
  ContextPointer context(SSL_CTX_new(TLS_server_method()));
  if (context == nullptr) return CertificateError("cannot set up TLS");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF |
                                         SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(context.get(), &SlipwaySelectAlpn, nullptr);
  ERR_clear_error();
  if (SSL_CTX_set_cipher_list(context.get(), "ECDHE+AESGCM:ECDHE+CHACHA20") != 1) {
    return CertificateError("cannot choose the ciphers of TLS 1.2");
  }
  if (SSL_CTX_use_certificate_chain_file(context.get(), certificate_file.c_str()) != 1) {
    return CertificateError("the certificate file " + certificate_file + " cannot be used");
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context.get()) != 1) {
    return CertificateError("the key file " + key_file + " cannot be used with the certificate");
  }
  return std::make_unique<OpenSslContext>(std::move(context));
}

}  // namespace slipway::net
