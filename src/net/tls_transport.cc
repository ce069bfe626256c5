// TLS on OpenSSL: the non-blocking half of it; whoever calls waits for the socket.
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/file_system.h"
#include "base/log.h"
#include "base/metrics.h"
#include "net/limits.h"
#include "net/transport.h"

namespace slipway::net {
namespace {

// Names of protocols as ALPN has them: the length byte comes first.
constexpr std::string_view kAlpnHttp1 = "\x08http/1.1";
constexpr std::string_view kAlpnHttp2 = "\x02h2";

struct ContextDeleter {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
struct SslDeleter {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
struct BioDeleter {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct CertificateDeleter {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
struct KeyDeleter {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using ContextPointer = std::unique_ptr<SSL_CTX, ContextDeleter>;
using SslPointer = std::unique_ptr<SSL, SslDeleter>;
using BioPointer = std::unique_ptr<BIO, BioDeleter>;
using CertificatePointer = std::unique_ptr<X509, CertificateDeleter>;
using KeyPointer = std::unique_ptr<EVP_PKEY, KeyDeleter>;

extern "C" int SlipwaySelectAlpn(SSL*, const unsigned char** out, unsigned char* out_size,
                                 const unsigned char* offered, unsigned int offered_size,
                                 void* protocol) {
  const std::string_view ours = *static_cast<const std::string_view*>(protocol);
  unsigned char* chosen = nullptr;
  const int outcome =
      SSL_select_next_proto(&chosen, out_size, reinterpret_cast<const unsigned char*>(ours.data()),
                            static_cast<unsigned int>(ours.size()), offered, offered_size);
  *out = chosen;
  return outcome == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

// Without it OpenSSL would ask at the terminal.
extern "C" int SlipwayNoPassphrase(char*, int, int, void*) {
  return -1;
}

// With what OpenSSL says of it, if it says anything.
Error CertificateError(const std::string& what) {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  ERR_clear_error();
  return FailedPrecondition("TLS_CERTIFICATE",
                            reason == nullptr ? what : what + " (" + reason + ")");
}

Result<std::string> ReadTlsFile(const std::string& path) {
  Result<std::string> text = ReadWholeFile(PosixFileSystem(), path, kMaxTlsFileBytes);
  if (text.has_value()) return text;
  const Error& error = text.error();
  return Error(error.code(), "TLS_CERTIFICATE", "TLS: " + error.message());
}

BioPointer BioOf(const std::string& text) {
  return BioPointer(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Whoever can read the key can pretend to be this server. Its group may be that of the programs
// that serve with it.
Result<void> CheckKeyIsPrivate(const std::string& path) {
  struct stat info{};
  if (stat(path.c_str(), &info) != 0 || (info.st_mode & S_IRWXO) == 0) return {};
  return FailedPrecondition("TLS_KEY_EXPOSED",
                            "the key file " + path +
                                " is open to every user of this machine: `chmod o= " + path +
                                "` closes it");
}

// The certificate itself, which comes first, and those that lead to an authority.
Result<CertificatePointer> UseCertificates(SSL_CTX* context, const std::string& path) {
  TRY(text, ReadTlsFile(path));
  const BioPointer bio = BioOf(text);
  CertificatePointer leaf(PEM_read_bio_X509_AUX(bio.get(), nullptr, &SlipwayNoPassphrase, nullptr));
  if (leaf == nullptr) {
    return CertificateError("there is no certificate in PEM form in " + path);
  }
  if (SSL_CTX_use_certificate(context, leaf.get()) != 1) {
    return CertificateError("the certificate in " + path + " cannot be used");
  }
  while (true) {
    const CertificatePointer next(
        PEM_read_bio_X509(bio.get(), nullptr, &SlipwayNoPassphrase, nullptr));
    if (next == nullptr) break;
    if (SSL_CTX_add1_chain_cert(context, next.get()) != 1) {
      return CertificateError("a certificate of the chain in " + path + " cannot be used");
    }
  }
  const unsigned long end = ERR_peek_last_error();
  if (ERR_GET_LIB(end) != ERR_LIB_PEM || ERR_GET_REASON(end) != PEM_R_NO_START_LINE) {
    return CertificateError("a certificate of the chain in " + path + " is damaged");
  }
  ERR_clear_error();
  return leaf;
}

Result<void> UseKey(SSL_CTX* context, const TlsFiles& files, X509* certificate) {
  TRY(text, ReadTlsFile(files.key));
  const KeyPointer key(
      PEM_read_bio_PrivateKey(BioOf(text).get(), nullptr, &SlipwayNoPassphrase, nullptr));
  const bool is_encrypted = text.find("ENCRYPTED") != std::string::npos;
  OPENSSL_cleanse(text.data(), text.size());
  if (key == nullptr && is_encrypted) {
    return CertificateError("the key in " + files.key +
                            " is locked with a passphrase: `openssl pkey -in " + files.key +
                            " -out FILE` writes one without");
  }
  if (key == nullptr) return CertificateError("there is no key in PEM form in " + files.key);
  TRY_VOID(CheckKeyIsPrivate(files.key));
  if (X509_check_private_key(certificate, key.get()) != 1) {
    return CertificateError("the key in " + files.key + " does not belong to the certificate in " +
                            files.certificate + ": give the pair that was made together");
  }
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1) {
    return CertificateError("the key in " + files.key + " cannot be used");
  }
  return {};
}

// Whom to believe when a client says who it is.
Result<void> UseClientAuthorities(SSL_CTX* context, const TlsFiles& files) {
  const auto fault = [&](const std::string& what) {
    const Error error = CertificateError(what);
    return Error(error.code(), "TLS_CLIENT_CA", error.message());
  };
  Result<std::string> text =
      ReadWholeFile(PosixFileSystem(), files.client_authorities, kMaxTlsFileBytes);
  if (text.has_error()) {
    return Error(text.error().code(), "TLS_CLIENT_CA", "TLS: " + text.error().message());
  }
  const BioPointer bio = BioOf(*text);
  size_t count = 0;
  while (true) {
    const CertificatePointer next(
        PEM_read_bio_X509(bio.get(), nullptr, &SlipwayNoPassphrase, nullptr));
    if (next == nullptr) break;
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), next.get()) != 1 ||
        SSL_CTX_add_client_CA(context, next.get()) != 1) {
      return fault("an authority in " + files.client_authorities + " cannot be used");
    }
    ++count;
  }
  const unsigned long end = ERR_peek_last_error();
  if (ERR_GET_LIB(end) != ERR_LIB_PEM || ERR_GET_REASON(end) != PEM_R_NO_START_LINE) {
    return fault("an authority in " + files.client_authorities + " is damaged");
  }
  if (count == 0) {
    return fault("there is no certificate in PEM form in " + files.client_authorities);
  }
  ERR_clear_error();
  const int unknown = files.client_may_be_unknown ? 0 : SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | unknown, nullptr);
  // A ticket brings the client's certificate back, and is good for this context alone.
  constexpr std::string_view kSessions = "slipway";
  SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>(kSessions.data()),
                                 static_cast<unsigned int>(kSessions.size()));
  return {};
}

// A URI among its names, which is how SPIFFE and meshes name programs; nothing where it has none.
std::optional<std::string> UriOf(X509* certificate) {
  struct NamesDeleter {
    void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
  };
  const std::unique_ptr<GENERAL_NAMES, NamesDeleter> names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    const ASN1_IA5STRING* const uri = name->d.uniformResourceIdentifier;
    return std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
                       static_cast<size_t>(ASN1_STRING_length(uri)));
  }
  return std::nullopt;
}

std::string IdentityOf(X509* certificate) {
  if (const auto uri = UriOf(certificate)) return *uri;
  const BioPointer text(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(text.get(), X509_get_subject_name(certificate), 0,
                     XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(text.get(), &bytes);
  return {bytes, static_cast<size_t>(std::max(size, 0L))};
}

// As "2027-01-31T12:00:00Z".
std::string TextOf(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return "unknown";
  char text[32] = {};
  (void)std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

double SecondsOf(const ASN1_TIME* time) {
  std::tm parts{};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? static_cast<double>(timegm(&parts)) : 0;
}

// A wrong clock, of this machine or of the clients', is no reason not to serve.
void NoteValidity(std::string_view server_name, const std::string& path, const X509* certificate) {
  const ASN1_TIME* const begin = X509_get0_notBefore(certificate);
  const ASN1_TIME* const end = X509_get0_notAfter(certificate);
  GetGauge("slipway_tls_certificate_expiry_timestamp_seconds",
           "When the TLS certificate in use expires, in seconds since 1970.",
           {{"server", std::string(server_name)}})
      .Set(SecondsOf(end));
  const std::initializer_list<LogField> fields = {{"server", server_name},
                                                  {"file", path},
                                                  {"valid_from", TextOf(begin)},
                                                  {"valid_until", TextOf(end)}};
  if (X509_cmp_current_time(begin) > 0) {
    LogWarning("the TLS certificate is not valid yet", fields);
  } else if (X509_cmp_current_time(end) < 0) {
    LogWarning("the TLS certificate has expired", fields);
  } else {
    LogInfo("the TLS certificate is read", fields);
  }
}

Result<ContextPointer> MakeContext(TlsProtocol protocol) {
  ContextPointer context(SSL_CTX_new(TLS_server_method()));
  if (context == nullptr) return CertificateError("cannot set up TLS");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF |
                                         SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(
      context.get(), &SlipwaySelectAlpn,
      const_cast<std::string_view*>(protocol == TlsProtocol::kHttp2 ? &kAlpnHttp2 : &kAlpnHttp1));
  // Clients come back with tickets; a cache would keep 20,000 of their sessions here.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  if (SSL_CTX_set_cipher_list(context.get(), "ECDHE+AESGCM:ECDHE+CHACHA20") != 1) {
    return CertificateError("cannot choose the ciphers of TLS 1.2");
  }
  return context;
}

class TlsTransport final : public Transport {
 public:
  TlsTransport(SslPointer ssl, PolledSocket& socket) : ssl_(std::move(ssl)), socket_(socket) {}

  IoResult Handshake() override {
    if (!std::exchange(looked_, true)) {
      const IoResult first = LookAtFirstByte();
      looked_ = first.status != IoStatus::kWouldBlock;
      if (first.status != IoStatus::kDone) return first;
    }
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

  std::string PeerIdentity() const override {
    X509* const certificate = SSL_get0_peer_certificate(ssl_.get());
    if (certificate == nullptr || SSL_get_verify_result(ssl_.get()) != X509_V_OK) return {};
    return IdentityOf(certificate);
  }

 private:
  // A TLS record of a handshake begins with 22, a request with the capital letter of its method.
  IoResult LookAtFirstByte() {
    char first = 0;
    ssize_t seen = 0;
    do {
      seen = recv(socket_.descriptor(), &first, 1, MSG_PEEK);
    } while (seen < 0 && errno == EINTR);
    if (seen < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return Blocked(Direction::kRead);
    if (seen == 1 && first >= 'A' && first <= 'Z') return {.status = IoStatus::kPlainHttp};
    return {};
  }
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
  bool looked_ = false;  // at the first byte
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

struct LoadedTls {
  ContextPointer context;
  CertificatePointer certificate;
};

Result<LoadedTls> LoadTls(const TlsFiles& files, TlsProtocol protocol) {
  if (files.certificate.empty() || files.key.empty()) {
    return FailedPrecondition("TLS_CERTIFICATE",
                              "TLS needs both a certificate file and a key file; give the other");
  }
  ERR_clear_error();
  TRY(context, MakeContext(protocol));
  TRY(certificate, UseCertificates(context.get(), files.certificate));
  TRY_VOID(UseKey(context.get(), files, certificate.get()));
  if (!files.client_authorities.empty()) TRY_VOID(UseClientAuthorities(context.get(), files));
  return LoadedTls{.context = std::move(context), .certificate = std::move(certificate)};
}

}  // namespace

Result<void> CheckTlsFiles(const TlsFiles& files) {
  TRY_VOID(LoadTls(files, TlsProtocol::kHttp1));
  return {};
}

Result<std::shared_ptr<TlsContext>> LoadTlsContext(const TlsFiles& files,
                                                   std::string_view server_name,
                                                   TlsProtocol protocol) {
  TRY(loaded, LoadTls(files, protocol));
  NoteValidity(server_name, files.certificate, loaded.certificate.get());
  return std::make_shared<OpenSslContext>(std::move(loaded.context));
}

}  // namespace slipway::net
