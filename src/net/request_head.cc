#include "net/request_head.h"

#include <arpa/inet.h>

#include <cstring>
#include <string>

#include "net/field.h"
#include "net/limits.h"

namespace slipway::net {
namespace {

// Visible ASCII without '#': what a request target may hold.
bool IsTarget(std::string_view text) {
  bool good = true;
  for (const char c : text) good = good && c > ' ' && c < 0x7f && c != '#';
  return good && !text.empty();
}

Error Malformed(std::string what) {
  return InvalidArgument("HEAD_MALFORMED", std::move(what));
}

Method MethodOf(std::string_view text) {
  switch (text.size()) {
    case 3:
      if (text == "GET") return Method::kGet;
      if (text == "PUT") return Method::kPut;
      break;
    case 4:
      if (text == "POST") return Method::kPost;
      if (text == "HEAD") return Method::kHead;
      break;
    case 5:
      if (text == "PATCH") return Method::kPatch;
      break;
    case 6:
      if (text == "DELETE") return Method::kDelete;
      break;
    case 7:
      if (text == "OPTIONS") return Method::kOptions;
      break;
    default:
      break;
  }
  return Method::kOther;
}

// One pass over a head. Views of what later rules need are kept on the way.
class Parser {
 public:
  Parser(std::string_view head, const HeadRules& rules, HttpRequest& request, Framing& framing)
      : rest_(head), rules_(rules), request_(request), framing_(framing) {}

  Result<void> Parse() {
    TRY_VOID(ParseRequestLine(NextLine()));
    while (true) {
      const std::string_view line = NextLine();
      if (line.empty()) break;
      TRY_VOID(ParseField(line));
    }
    TRY_VOID(CheckHost());
    return CheckFraming();
  }

 private:
  // Without its CRLF. The scanner has seen that every LF follows a CR.
  std::string_view NextLine() {
    const void* end = std::memchr(rest_.data(), '\n', rest_.size());
    const auto size = static_cast<size_t>(static_cast<const char*>(end) - rest_.data());
    const std::string_view line = rest_.substr(0, size - 1);
    rest_.remove_prefix(size + 1);
    return line;
  }

  Result<void> ParseRequestLine(std::string_view line);
  Result<void> ParseTarget(std::string_view target);
  Result<void> ParseVersion(std::string_view version);
  Result<void> ParseField(std::string_view line);
  Result<void> TakeField(std::string_view name, std::string_view value);
  Result<void> TakeContentLength(std::string_view value);
  void TakeConnection(std::string_view value);
  Result<void> CheckHost();
  Result<void> CheckFraming();

  std::string_view rest_;
  const HeadRules& rules_;
  HttpRequest& request_;
  Framing& framing_;
  std::optional<std::string_view> host_;
  std::optional<std::string_view> target_host_;  // of a target in absolute form
  std::optional<std::string_view> origin_;
  std::optional<std::string_view> transfer_encoding_;
  std::optional<std::string_view> expect_;
  bool says_close_ = false;
  bool says_keep_alive_ = false;
};

Result<void> Parser::ParseRequestLine(std::string_view line) {
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) {
    return Malformed("The request line is not `METHOD TARGET HTTP/1.1`");
  }
  const std::string_view method = line.substr(0, first);
  if (method.size() > kMaxMethodBytes || !IsToken(method)) {
    return Malformed("The request's method is not a word of at most " +
                     std::to_string(kMaxMethodBytes) + " letters");
  }
  TRY_VOID(ParseVersion(line.substr(last + 1)));
  request_.method = MethodOf(method);
  request_.method_text = method;
  return ParseTarget(line.substr(first + 1, last - first - 1));
}

Result<void> Parser::ParseVersion(std::string_view version) {
  const bool http = version.size() == 8 && version.starts_with("HTTP/") && version[6] == '.' &&
                    version[5] >= '0' && version[5] <= '9' && version[7] >= '0' &&
                    version[7] <= '9';
  if (!http) return Malformed("The request line does not end in HTTP/1.1");
  if (version[5] != '1') {
    return Unimplemented("HTTP_VERSION",
                         "This port speaks HTTP/1.1 and HTTP/1.0, not " + std::string(version));
  }
  framing_.http11 = version[7] != '0';
  return {};
}

Result<void> Parser::ParseTarget(std::string_view target) {
  if (!IsTarget(target)) {
    return Malformed(
        "The request target contains a byte that a URL cannot hold; percent-encode it");
  }
  request_.target = target;
  std::string_view path = target;
  if (path.front() != '/') {
    constexpr std::string_view kHttp = "http://";
    constexpr std::string_view kHttps = "https://";
    const bool http = EqualsIgnoringCase(path.substr(0, kHttp.size()), kHttp);
    const bool https = EqualsIgnoringCase(path.substr(0, kHttps.size()), kHttps);
    const bool asterisk = path == "*" && request_.method == Method::kOptions;
    if (!http && !https && !asterisk) {
      return Malformed("The request target does not begin with '/'");
    }
    if (!asterisk) {
      path.remove_prefix(http ? kHttp.size() : kHttps.size());
      const size_t end = path.find_first_of("/?");
      target_host_ = path.substr(0, end);
      path = end == std::string_view::npos ? std::string_view("/") : path.substr(end);
      if (path.front() == '?') return Malformed("The request target has no path before '?'");
    }
  }
  const size_t question = path.find('?');
  request_.path = path.substr(0, question);
  request_.query =
      question == std::string_view::npos ? std::string_view() : path.substr(question + 1);
  return {};
}

Result<void> Parser::ParseField(std::string_view line) {
  if (line.front() == ' ' || line.front() == '\t') {
    return Malformed("A header line begins with a space: folded headers are not accepted");
  }
  const size_t colon = line.find(':');
  const std::string_view name = line.substr(0, colon);
  if (colon == std::string_view::npos || !IsToken(name)) {
    return Malformed("A header line is not `Name: value`");
  }
  const std::string_view value = Trimmed(line.substr(colon + 1));
  if (!IsFieldValue(value)) {
    return Malformed("The header " + std::string(name) + " contains a control character");
  }
  if (request_.headers.size() == rules_.max_headers) {
    return ResourceExhausted("HEAD_TOO_LARGE", "The request has more than " +
                                                   std::to_string(rules_.max_headers) +
                                                   " header lines; send fewer");
  }
  request_.headers.emplace_back(name, value);
  return TakeField(name, value);
}

// The headers that decide on framing and access; a repeated one is ambiguous and refused.
Result<void> Parser::TakeField(std::string_view name, std::string_view value) {
  std::optional<std::string_view>* once = nullptr;
  switch (name.size()) {
    case 4:
      if (EqualsIgnoringCase(name, "Host")) once = &host_;
      break;
    case 6:
      if (EqualsIgnoringCase(name, "Expect")) once = &expect_;
      if (EqualsIgnoringCase(name, "Origin")) once = &origin_;
      break;
    case 10:
      if (EqualsIgnoringCase(name, "Connection")) TakeConnection(value);
      break;
    case 14:
      if (EqualsIgnoringCase(name, "Content-Length")) return TakeContentLength(value);
      break;
    case 17:
      if (EqualsIgnoringCase(name, "Transfer-Encoding")) once = &transfer_encoding_;
      break;
    default:
      break;
  }
  if (once == nullptr) return {};
  if (once->has_value()) {
    return Malformed("The header " + std::string(name) + " is there twice; send it once");
  }
  *once = value;
  return {};
}

Result<void> Parser::TakeContentLength(std::string_view value) {
  const auto invalid = [](std::string_view why) {
    return InvalidArgument("CONTENT_LENGTH_INVALID", "Content-Length " + std::string(why));
  };
  if (framing_.content_length.has_value()) return invalid("is there twice; send it once");
  if (value.empty() || value.size() > 19) return invalid("is not a number of bytes below 10^19");
  uint64_t length = 0;
  for (const char c : value) {
    if (c < '0' || c > '9') return invalid("is not a number of bytes");
    length = length * 10 + static_cast<uint64_t>(c - '0');
  }
  framing_.content_length = length;
  return {};
}

void Parser::TakeConnection(std::string_view value) {
  while (true) {
    const size_t comma = value.find(',');
    const std::string_view option = Trimmed(value.substr(0, comma));
    says_close_ = says_close_ || EqualsIgnoringCase(option, "close");
    says_keep_alive_ = says_keep_alive_ || EqualsIgnoringCase(option, "keep-alive");
    if (comma == std::string_view::npos) return;
    value.remove_prefix(comma + 1);
  }
}

// A name or address with an optional port; user information is no part of it.
bool IsHost(std::string_view host) {
  for (const char c : host) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && std::string_view("-._~!$&'()*+,;=%:[]").find(c) == std::string_view::npos) {
      return false;
    }
  }
  return true;
}

Result<void> Parser::CheckHost() {
  if (framing_.http11 && !host_.has_value()) {
    return InvalidArgument("HOST_MISSING", "A request of HTTP/1.1 needs the header Host");
  }
  const std::optional<std::string_view> host = target_host_.has_value() ? target_host_ : host_;
  if (!IsHost(host_.value_or("")) || !IsHost(target_host_.value_or("")) ||
      (target_host_.has_value() && target_host_->empty())) {
    return Malformed("The host is not `NAME` or `NAME:PORT`");
  }
  if (!rules_.loopback_only) return {};
  if (host.has_value() && !IsLoopbackHost(*host)) {
    return Error(Code::kPermissionDenied, "HOST_REFUSED",
                 "This listener is reached as localhost or 127.0.0.1 only, not as the host '" +
                     std::string(*host) + "'");
  }
  if (origin_.has_value() && !IsLoopbackOrigin(*origin_)) {
    return Error(Code::kPermissionDenied, "ORIGIN_REFUSED",
                 "Pages of the origin '" + std::string(*origin_) +
                     "' may not use this listener, which is for this machine only");
  }
  return {};
}

Result<void> Parser::CheckFraming() {
  request_.keep_alive = framing_.http11 ? !says_close_ : says_keep_alive_ && !says_close_;
  if (transfer_encoding_.has_value()) {
    if (!framing_.http11) return Malformed("HTTP/1.0 has no Transfer-Encoding");
    if (framing_.content_length.has_value()) {
      return Malformed("Transfer-Encoding and Content-Length exclude each other");
    }
    if (!EqualsIgnoringCase(*transfer_encoding_, "chunked")) {
      return Unimplemented("TRANSFER_ENCODING_UNSUPPORTED",
                           "The only Transfer-Encoding accepted is `chunked`");
    }
    framing_.chunked = true;
  }
  if (expect_.has_value() && framing_.http11) {
    if (!EqualsIgnoringCase(*expect_, "100-continue")) {
      return InvalidArgument("EXPECTATION_UNKNOWN", "The only expectation met is `100-continue`");
    }
    framing_.expects_continue = framing_.has_body();
  }
  return {};
}

// Without a port and the brackets of an IPv6 address.
std::string_view HostName(std::string_view host) {
  if (host.starts_with('[')) {
    const size_t end = host.find(']');
    if (end == std::string_view::npos) return {};
    const std::string_view after = host.substr(end + 1);
    return after.empty() || after.front() == ':' ? host.substr(1, end - 1) : std::string_view();
  }
  return host.substr(0, host.find(':'));
}

}  // namespace

Result<size_t> HeadScanner::Scan(std::string_view buffer) {
  const bool begins = next_ == 0 && !buffer.empty();
  if (begins && !IsTokenChar(buffer[0]) && buffer[0] != '\r') {
    return Malformed("The request does not begin with a method: this port speaks plain HTTP/1.1");
  }
  while (next_ < buffer.size()) {
    const void* found = std::memchr(buffer.data() + next_, '\n', buffer.size() - next_);
    if (found == nullptr) {
      next_ = buffer.size();
      break;
    }
    const auto at = static_cast<size_t>(static_cast<const char*>(found) - buffer.data());
    if (at == line_begin_ || buffer[at - 1] != '\r') {
      return Malformed("A line of the head ends without a carriage return, at byte " +
                       std::to_string(at));
    }
    const bool empty = at == line_begin_ + 1;
    line_begin_ = at + 1;
    next_ = at + 1;
    if (empty) return at + 1;
  }
  return 0;
}

Result<void> ParseHead(std::string_view head, const HeadRules& rules, HttpRequest& request,
                       Framing& framing) {
  return Parser(head, rules, request, framing).Parse();
}

bool IsLoopbackHost(std::string_view host) {
  const std::string_view name = HostName(host);
  if (name == "127.0.0.1" || EqualsIgnoringCase(name, "localhost")) return true;
  char text[INET6_ADDRSTRLEN] = {};
  if (name.empty() || name.size() >= sizeof(text)) return false;
  std::memcpy(text, name.data(), name.size());
  in_addr v4{};
  if (!host.starts_with('[')) {
    return inet_pton(AF_INET, text, &v4) == 1 && (ntohl(v4.s_addr) >> 24) == 127;
  }
  in6_addr v6{};
  return inet_pton(AF_INET6, text, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

bool IsLoopbackOrigin(std::string_view origin) {
  const size_t scheme = origin.find("://");
  if (scheme == std::string_view::npos) return false;
  return IsLoopbackHost(origin.substr(scheme + 3));
}

}  // namespace slipway::net
