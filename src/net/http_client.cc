#include "net/http_client.h"

#include <algorithm>
#include <cstring>
#include <iterator>

#include <curl/curl.h>
#include <openssl/x509_vfy.h>

#include "base/check.h"
#include "net/http_message.h"
#include "net/limits.h"

namespace slipway::net {
namespace {

using std::chrono::steady_clock;

constexpr long kConnectTimeoutMs = 10'000;

struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderLines = std::unique_ptr<curl_slist, ListDeleter>;

// What the callbacks of one transfer share. They never throw; what ends a transfer early is kept in
// `failure` and returned in place of curl's own error.
struct Transfer {
  const ClientRequest* request = nullptr;
  CURL* easy = nullptr;
  ClientResponse response;
  size_t head_bytes = 0;
  std::optional<Error> failure;
  curl_off_t moved_bytes = 0;
  steady_clock::time_point moved_at = steady_clock::now();

  bool Fail(Error error) {
    failure = std::move(error);
    return false;
  }
};

// At the empty line after a head, which may be that of an interim answer (100 Continue).
bool FinishHead(Transfer& transfer) {
  long status = 0;
  curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
  transfer.response.status = static_cast<int>(status);
  if (status < 200 || transfer.request->on_head == nullptr) return true;
  Result<void> taken = transfer.request->on_head(transfer.response);
  return taken.has_value() || transfer.Fail(taken.error());
}

bool TakeHeader(std::string_view line, Transfer& transfer) {
  transfer.head_bytes += line.size();
  if (transfer.head_bytes > kMaxResponseHeadBytes) {
    return transfer.Fail(Internal("HTTP_PROTOCOL", "The head of the answer is longer than " +
                                                       std::to_string(kMaxResponseHeadBytes) +
                                                       " bytes; check what answers there"));
  }
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  if (line.starts_with("HTTP/")) {
    transfer.response.headers.clear();  // of an interim answer before
    return true;
  }
  if (line.empty()) return FinishHead(transfer);
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return true;
  std::string_view value = line.substr(colon + 1);
  while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
  transfer.response.headers.emplace_back(line.substr(0, colon), value);
  return true;
}

bool TakeBody(std::string_view piece, Transfer& transfer) {
  const int status = transfer.response.status;
  const bool is_wanted = !transfer.request->raw_target.empty() || (status >= 200 && status < 300);
  if (transfer.request->download != nullptr && is_wanted) {
    Result<void> taken = transfer.request->download(piece);
    return taken.has_value() || transfer.Fail(taken.error());
  }
  std::string& body = transfer.response.body;
  const uint64_t limit = transfer.request->max_response_bytes;
  if (body.size() + piece.size() > limit) {
    return transfer.Fail(ResourceExhausted(
        "RESPONSE_TOO_LARGE",
        "The body of the answer is larger than the limit of " + std::to_string(limit) + " bytes"));
  }
  body += piece;
  return true;
}

extern "C" size_t SlipwayCurlHeader(char* data, size_t size, size_t count, void* transfer) {
  const std::string_view line(data, size * count);
  return TakeHeader(line, *static_cast<Transfer*>(transfer)) ? line.size() : 0;
}

extern "C" size_t SlipwayCurlWrite(char* data, size_t size, size_t count, void* transfer) {
  const std::string_view piece(data, size * count);
  if (piece.empty()) return 0;
  return TakeBody(piece, *static_cast<Transfer*>(transfer)) ? piece.size() : CURL_WRITEFUNC_ERROR;
}

extern "C" size_t SlipwayCurlRead(char* out, size_t size, size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  Result<size_t> got = transfer.request->upload(out, size * count);
  if (got.has_value()) return *got;
  transfer.Fail(got.error());
  return CURL_READFUNC_ABORT;
}

extern "C" int SlipwayCurlProgress(void* user, curl_off_t, curl_off_t down, curl_off_t,
                                   curl_off_t up) {
  auto& transfer = *static_cast<Transfer*>(user);
  const steady_clock::time_point now = steady_clock::now();
  if (down + up != transfer.moved_bytes) {
    transfer.moved_bytes = down + up;
    transfer.moved_at = now;
  }
  const std::atomic<uint32_t>* const cancelled = transfer.request->cancelled;
  if (cancelled != nullptr && cancelled->load(std::memory_order_relaxed) != 0) {
    transfer.Fail(Error(Code::kCancelled, "CALL_CANCELLED", "nobody waits for the answer"));
    return 1;
  }
  const auto limit = transfer.request->idle_timeout;
  if (limit.count() == 0 || now - transfer.moved_at < limit) return 0;
  transfer.Fail(Error(
      Code::kDeadlineExceeded, "TIMEOUT",
      "No byte came for " + std::to_string(limit.count()) + " ms from " + transfer.request->url));
  return 1;
}

// Why the server was not believed. `verified`: OpenSSL's verdict on the chain of certificates; curl
// leaves 0 or 1 where the chain is good and the name is not.
Error CertificateError(long verified, const std::string& ca_file, const std::string& url) {
  constexpr long kLastVerdictOnTheName = 1;
  if (verified == X509_V_ERR_CERT_HAS_EXPIRED) {
    return FailedPrecondition("TLS_EXPIRED",
                              url +
                                  ": the server's certificate, or that of its authority, has "
                                  "expired; it has to be renewed, unless this machine's clock is "
                                  "wrong");
  }
  if (verified == X509_V_ERR_CERT_NOT_YET_VALID) {
    return FailedPrecondition("TLS_NOT_YET_VALID",
                              url +
                                  ": the server's certificate is not valid yet; compare the clocks "
                                  "of both machines");
  }
  if (verified <= kLastVerdictOnTheName) {
    return FailedPrecondition("TLS_HOST_NAME",
                              url +
                                  ": the server's certificate is for other names than this address "
                                  "has; use a name that is in it, or have this one put into it");
  }
  return FailedPrecondition(
      "TLS_UNTRUSTED",
      url + ": the server's certificate comes from no authority " +
          (ca_file.empty() ? "that this system knows" : "in " + ca_file) + " (" +
          X509_verify_cert_error_string(verified) +
          "); if the server is the right one, name the file with its authority's certificate");
}

// What OpenSSL says when the server ended the handshake, or what follows it, for our certificate.
bool IsClientRefused(std::string_view text) {
  constexpr std::string_view kAlerts[] = {"alert certificate required", "alert handshake failure",
                                          "alert unknown ca",           "alert bad certificate",
                                          "alert certificate expired",  "alert certificate unknown",
                                          "alert certificate revoked",  "alert access denied"};
  return std::any_of(std::begin(kAlerts), std::end(kAlerts), [&](std::string_view alert) {
    return text.find(alert) != std::string_view::npos;
  });
}

Error ErrorOf(CURLcode code, const char* text, const ClientRequest& request) {
  const std::string what =
      request.url + ": " + (text[0] != '\0' ? std::string(text) : curl_easy_strerror(code));
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return {Code::kDeadlineExceeded, "TIMEOUT", what};
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return InvalidArgument("URL_MALFORMED", what);
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
      return Unavailable("CONNECT_FAILED", what);
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
      return Unavailable("CONNECTION_LOST", what);
    case CURLE_SSL_CONNECT_ERROR:
      return Unavailable("TLS_FAILED", what + "; if nothing speaks TLS there, write http://");
    default:
      return Internal("HTTP_PROTOCOL", what);
  }
}

// Proxies of the environment are not for the own machine.
bool IsLocal(std::string_view url) {
  const size_t scheme = url.find("://");
  if (scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  const std::string_view host = url.substr(0, url.find_first_of("/?#"));
  return host.starts_with("127.") || host.starts_with("[::1]") || host == "localhost" ||
         host.starts_with("localhost:");
}

}  // namespace

std::optional<std::string> ClientResponse::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (EqualsIgnoringCase(key, name)) return value;
  }
  return std::nullopt;
}

struct HttpClient::State {
  explicit State(Options chosen) : options(std::move(chosen)) {
    static const CURLcode initialized = curl_global_init(CURL_GLOBAL_DEFAULT);
    CHECK(initialized == CURLE_OK);
    easy = curl_easy_init();
    CHECK(easy != nullptr);
  }
  ~State() { curl_easy_cleanup(easy); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  template <class T>
  void Set(CURLoption option, T value) {
    CHECK(curl_easy_setopt(easy, option, value) == CURLE_OK);
  }

  void SetConnection(const ClientRequest& request);
  void SetMethod(const ClientRequest& request);
  void SetCallbacks(Transfer& transfer);
  HeaderLines MakeHeaders(const ClientRequest& request) const;
  Error Failure(CURLcode code, const ClientRequest& request) const;

  const Options options;
  CURL* easy = nullptr;
  char error_text[CURL_ERROR_SIZE] = {};
};

void HttpClient::State::SetConnection(const ClientRequest& request) {
  Set(CURLOPT_NOSIGNAL, 1L);
  // A peer that is gone without a word is noticed on streams that may be silent for long, too.
  Set(CURLOPT_TCP_KEEPALIVE, 1L);
  Set(CURLOPT_ERRORBUFFER, error_text);
  Set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  Set(CURLOPT_FOLLOWLOCATION, 0L);
  Set(CURLOPT_PROTOCOLS_STR, "http,https");
  Set(CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
  Set(CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
  if (!options.unix_socket.empty()) Set(CURLOPT_UNIX_SOCKET_PATH, options.unix_socket.c_str());
  if (!options.unix_socket.empty() || IsLocal(request.url)) Set(CURLOPT_NOPROXY, "*");
  if (!options.ca_file.empty()) {
    Set(CURLOPT_CAINFO, options.ca_file.c_str());
    Set(CURLOPT_CAPATH, nullptr);  // curl's own folder would go on counting
  }
  if (!options.certificate_file.empty()) {
    const bool has_key = !options.key_file.empty();
    Set(CURLOPT_SSLCERT, options.certificate_file.c_str());
    Set(CURLOPT_SSLKEY, (has_key ? options.key_file : options.certificate_file).c_str());
  }
  Set(CURLOPT_SSL_VERIFYPEER, options.verify_tls ? 1L : 0L);
  Set(CURLOPT_SSL_VERIFYHOST, options.verify_tls ? 2L : 0L);
}

void HttpClient::State::SetMethod(const ClientRequest& request) {
  if (request.method == "HEAD") {
    Set(CURLOPT_NOBODY, 1L);
    return;
  }
  if (request.upload != nullptr) {
    Set(CURLOPT_UPLOAD, 1L);
    Set(CURLOPT_INFILESIZE_LARGE,
        request.upload_size ? static_cast<curl_off_t>(*request.upload_size) : curl_off_t{-1});
  } else if (!request.body.empty() || request.method == "POST" || request.method == "PUT" ||
             request.method == "PATCH") {
    Set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    Set(CURLOPT_POSTFIELDS, request.body.c_str());
  } else {
    Set(CURLOPT_HTTPGET, 1L);
  }
  Set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
}

void HttpClient::State::SetCallbacks(Transfer& transfer) {
  Set(CURLOPT_HEADERFUNCTION, &SlipwayCurlHeader);
  Set(CURLOPT_HEADERDATA, &transfer);
  Set(CURLOPT_WRITEFUNCTION, &SlipwayCurlWrite);
  Set(CURLOPT_WRITEDATA, &transfer);
  Set(CURLOPT_READFUNCTION, &SlipwayCurlRead);
  Set(CURLOPT_READDATA, &transfer);
  Set(CURLOPT_NOPROGRESS, 0L);
  Set(CURLOPT_XFERINFOFUNCTION, &SlipwayCurlProgress);
  Set(CURLOPT_XFERINFODATA, &transfer);
}

HeaderLines HttpClient::State::MakeHeaders(const ClientRequest& request) const {
  HeaderLines lines;
  bool has_type = false;
  const auto add = [&lines](const std::string& line) {
    curl_slist* const shorter = lines.release();
    curl_slist* const longer = curl_slist_append(shorter, line.c_str());
    CHECK(longer != nullptr);
    lines.reset(longer);
  };
  for (const auto& [name, value] : request.headers) {
    has_type = has_type || EqualsIgnoringCase(name, "Content-Type");
    // "Name;" is how curl sends a header without a value.
    add(value.empty() ? name + ";" : name + ": " + value);
  }
  for (const char* own : {"Accept:", "Expect:"}) {
    const bool is_there = std::any_of(
        request.headers.begin(), request.headers.end(),
        [&](const auto& header) { return EqualsIgnoringCase(header.first + ":", own); });
    if (!request.raw_target.empty() && !is_there) add(own);
  }
  // Without this, curl would claim that a body is a form.
  if (!has_type) add("Content-Type:");
  return lines;
}

Error HttpClient::State::Failure(CURLcode code, const ClientRequest& request) const {
  if (code == CURLE_PEER_FAILED_VERIFICATION) {
    long verified = 0;
    curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &verified);
    return CertificateError(verified, options.ca_file, request.url);
  }
  if (code == CURLE_SSL_CACERT_BADFILE) {
    return FailedPrecondition("TLS_CA_FILE",
                              "the file of certificate authorities " + options.ca_file +
                                  " cannot be used: give one with certificates in PEM form");
  }
  if (code == CURLE_SSL_CERTPROBLEM) {
    return FailedPrecondition(
        "TLS_CLIENT_CERTIFICATE",
        "the client certificate " + options.certificate_file + " cannot be used (" + error_text +
            "): give PEM files of a certificate and its key, without a passphrase");
  }
  if (IsClientRefused(error_text)) {
    return FailedPrecondition(
        "TLS_CLIENT_REFUSED",
        request.url + ": the server " +
            (options.certificate_file.empty()
                 ? "wants a client certificate"
                 : "does not take the client certificate " + options.certificate_file) +
            " (" + error_text + ")");
  }
  Error error = ErrorOf(code, error_text, request);
  // The alert that says so is lost where the server is quicker with the end of the connection than
  // we with our request.
  const bool is_lost = error.reason() == "CONNECTION_LOST" ||
                       std::string_view(error_text).find("getpeername") != std::string_view::npos;
  if (!is_lost || !request.url.starts_with("https://")) return error;
  return {error.code(), error.reason(),
          error.message() +
              "; a server that wants a client certificate, or does not take the one "
              "that it gets, may end a connection so, too"};
}

HttpClient::HttpClient() : HttpClient(Options()) {}
HttpClient::HttpClient(Options options) : state_(std::make_unique<State>(std::move(options))) {}
HttpClient::~HttpClient() = default;

Result<ClientResponse> HttpClient::Send(const ClientRequest& request) {
  for (const auto& [name, value] : request.headers) {
    if ((name + value).find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
      return InvalidArgument("HEADER_MALFORMED",
                             "The header '" + name + "' contains a line break or a zero byte");
    }
  }
  Transfer transfer;
  transfer.request = &request;
  transfer.easy = state_->easy;
  curl_easy_reset(state_->easy);  // keeps the connections
  state_->SetConnection(request);
  state_->Set(CURLOPT_URL, request.url.c_str());
  if (!request.raw_target.empty()) {
    state_->Set(CURLOPT_REQUEST_TARGET, request.raw_target.c_str());
  }
  state_->SetMethod(request);
  state_->SetCallbacks(transfer);
  const HeaderLines headers = state_->MakeHeaders(request);
  state_->Set(CURLOPT_HTTPHEADER, headers.get());
  state_->error_text[0] = '\0';
  const CURLcode code = curl_easy_perform(state_->easy);
  if (transfer.failure.has_value()) return *transfer.failure;
  if (code != CURLE_OK) return state_->Failure(code, request);
  return std::move(transfer.response);
}

}  // namespace slipway::net
