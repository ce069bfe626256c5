#include "gateway/http/passed_headers.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "net/field.h"

namespace slipway::gateway::http {
namespace {

constexpr std::string_view kForwardedFor = "X-Forwarded-For";
constexpr std::string_view kForwardedPrefix = "X-Forwarded-Prefix";
constexpr std::string_view kRequestId = "X-Request-Id";
constexpr std::string_view kTraceparent = "traceparent";

Error Unfit(const std::string& what) {
  return Internal("PROGRAM_ANSWER",
                  "the program of this service gave an answer that cannot be passed on: " + what);
}

bool IsValue(std::string_view value) {
  return value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

}  // namespace

bool IsHopByHop(std::string_view name) {
  constexpr std::array kNames = {std::string_view("Connection"),
                                 std::string_view("Keep-Alive"),
                                 std::string_view("TE"),
                                 std::string_view("Trailer"),
                                 std::string_view("Upgrade"),
                                 std::string_view("Transfer-Encoding"),
                                 std::string_view("Expect"),
                                 std::string_view("Proxy-Connection"),
                                 std::string_view("Content-Length"),
                                 std::string_view("Proxy-Authenticate"),
                                 std::string_view("Proxy-Authorization")};
  return std::any_of(kNames.begin(), kNames.end(),
                     [&](std::string_view one) { return net::EqualsIgnoringCase(one, name); });
}

PassedTarget TargetOf(const net::HttpRequest& request, size_t segments) {
  size_t end = 0;
  for (size_t i = 0; i < segments && end != std::string_view::npos; ++i) {
    end = request.path.find('/', end + 1);
  }
  PassedTarget found{.prefix = std::string(request.path.substr(0, end)), .target = "/"};
  if (end != std::string_view::npos) found.target = request.path.substr(end);
  if (!request.query.empty()) found.target.append("?").append(request.query);
  return found;
}

Headers RequestHeaders(const net::HttpRequest& request, const Passing& passing) {
  const std::vector<std::string_view> of_connection = request.HeaderList("Connection");
  const auto is_own = [&](std::string_view name) {
    return net::EqualsIgnoringCase(name, kForwardedFor) ||
           net::EqualsIgnoringCase(name, kForwardedPrefix) ||
           (passing.has_key && net::EqualsIgnoringCase(name, "Authorization")) ||
           (!passing.traceparent.empty() && net::EqualsIgnoringCase(name, kTraceparent)) ||
           std::any_of(of_connection.begin(), of_connection.end(), [&](std::string_view named) {
             return net::EqualsIgnoringCase(named, name);
           });
  };
  Headers headers;
  std::string hops;
  for (const auto& [name, value] : request.headers) {
    if (net::EqualsIgnoringCase(name, kForwardedFor)) hops.append(value).append(", ");
    if (!IsHopByHop(name) && !is_own(name)) headers.emplace_back(name, value);
  }
  headers.emplace_back(kForwardedFor, hops.append(request.peer));
  headers.emplace_back(kForwardedPrefix, passing.prefix);
  if (!request.Header(kRequestId)) headers.emplace_back(kRequestId, request.context.request_id);
  if (!passing.traceparent.empty()) headers.emplace_back(kTraceparent, passing.traceparent);
  return headers;
}

Result<PassedAnswer> ReadAnswer(std::span<const std::string> words) {
  constexpr uint64_t kFirstStatus = 200;
  constexpr uint64_t kLastStatus = 999;
  if (words.size() % 2 == 0) return Unfit("it has no status");
  const auto status = net::ParseWholeNumber(words.front());
  if (!status || *status < kFirstStatus || *status > kLastStatus) {
    return Unfit("its status is '" + words.front().substr(0, 16) + "'");
  }
  PassedAnswer answer{.status = static_cast<int>(*status), .headers = {}, .length = {}};
  for (size_t i = 1; i < words.size(); i += 2) {
    const std::string& name = words[i];
    const std::string& value = words[i + 1];
    if (!net::IsToken(name) || !IsValue(value)) return Unfit("a header of it is none");
    if (net::EqualsIgnoringCase(name, "Content-Length")) {
      answer.length = net::ParseWholeNumber(value);
    }
    // The connection writes a date of its own.
    if (IsHopByHop(name) || net::EqualsIgnoringCase(name, "Date")) continue;
    answer.headers.emplace_back(name, value);
  }
  return answer;
}

}  // namespace slipway::gateway::http
