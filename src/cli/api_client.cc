#include "cli/api_client.h"

#include <chrono>

#include <fmt/format.h>

#include "base/file_system.h"
#include "cli/text.h"
#include "net/http_message.h"
#include "net/http_status.h"
#include "net/sse.h"

namespace slipway::cli {
namespace {

constexpr uint64_t kMaxTokenFileBytes = 4096;
constexpr std::chrono::seconds kCallTimeout{60};
// Of a watch, where the server sends a sign of life every 15 s.
constexpr std::chrono::seconds kStreamIdleTimeout{60};

Code CodeOfName(std::string_view name, int status) {
  for (int number = 1; number <= 16; ++number) {
    if (CodeName(static_cast<Code>(number)) == name) return static_cast<Code>(number);
  }
  return net::CodeOfStatus(status);
}

bool IsSuccess(int status) {
  return status >= 200 && status < 300;
}

// The command that would make this context again with a file of authorities.
std::string CommandWithAuthorities(const Context& context) {
  std::string command =
      fmt::format("slipway context add {} --address {}", context.name, context.address);
  if (!context.inference.empty()) command += " --inference " + context.inference;
  if (!context.token_file.empty()) command += " --token-file " + context.token_file;
  return command + " --ca-file FILE";
}

}  // namespace

net::HttpClient::Options HttpOptionsOf(const Context& context) {
  net::HttpClient::Options options;
  options.ca_file = context.ca_file;
  options.certificate_file = context.cert_file;
  options.key_file = context.key_file;
  return options;
}

Error ErrorOfContext(const Context& context, const Error& error) {
  if (error.reason() == "TLS_UNTRUSTED" || error.reason() == "TLS_CA_FILE") {
    return Error(error.code(), error.reason(),
                 fmt::format("context {}: {}: `{}`", context.name, error.message(),
                             CommandWithAuthorities(context)));
  }
  if (error.reason() == "TLS_CLIENT_REFUSED") {
    return Error(
        error.code(), error.reason(),
        fmt::format("context {}: {}: name one that it takes with --cert and --key, here or "
                    "in `slipway context add`",
                    context.name, error.message()));
  }
  const bool is_of_connection =
      error.code() == Code::kUnavailable || error.reason().starts_with("TLS_");
  return is_of_connection ? error.Prefixed(fmt::format("context {}: ", context.name)) : error;
}

Error ErrorOfProblem(int status, std::string_view body) {
  Result<Json> problem = ParseJson(body);
  std::string detail = problem ? TextAt(*problem, "/detail") : "";
  if (problem && detail.empty()) detail = TextAt(*problem, "/errors/0/message");  // the registry's
  if (detail.empty()) {
    return Error(net::CodeOfStatus(status), "HTTP_STATUS",
                 fmt::format("the server answered {} without a reason", status));
  }
  Error::Details details;
  if (std::string field = TextAt(*problem, "/field"); !field.empty()) {
    details.emplace_back("field", field);
  }
  return Error(CodeOfName(TextAt(*problem, "/code"), status),
               TextAt(*problem, "/reason", "HTTP_STATUS"), detail, std::move(details));
}

std::string ResourcePath(std::string_view plural, bool global, std::string_view project,
                         std::string_view name) {
  std::string path = "/api/v1/";
  if (!global) path += fmt::format("projects/{}/", net::PercentEncode(project));
  path += plural;
  if (!name.empty()) path += "/" + net::PercentEncode(name);
  return path;
}

ApiClient::ApiClient(Context context)
    : context_(std::move(context)), http_(HttpOptionsOf(context_)) {
  if (context_.address.ends_with('/')) context_.address.pop_back();
  if (context_.inference.ends_with('/')) context_.inference.pop_back();
}

ApiClient::~ApiClient() = default;

Result<std::string> ApiClient::Token() {
  if (token_) return *token_;
  std::string token;
  if (!context_.token_file.empty()) {
    TRY(text, ReadWholeFile(PosixFileSystem(), context_.token_file, kMaxTokenFileBytes));
    token = std::move(text);
    while (!token.empty() && (token.back() == '\n' || token.back() == '\r')) token.pop_back();
  }
  token_ = token;
  return token;
}

Result<net::ClientResponse> ApiClient::Send(net::ClientRequest request) {
  if (request.url.starts_with('/')) request.url = context_.address + request.url;
  TRY(token, Token());
  if (!token.empty()) request.headers.emplace_back("Authorization", "Bearer " + token);
  Result<net::ClientResponse> response = http_.Send(request);
  if (!response) return ErrorOfContext(context_, response.error());
  return response;
}

Result<ApiAnswer> ApiClient::Call(std::string method, const std::string& path, const Json* body,
                                  std::string content_type) {
  net::ClientRequest request;
  request.method = std::move(method);
  request.url = path;
  request.timeout = kCallTimeout;
  request.headers.emplace_back("Accept", "application/json");
  if (body != nullptr) {
    request.body = DumpJson(*body);
    request.headers.emplace_back("Content-Type", std::move(content_type));
  }
  TRY(response, Send(std::move(request)));
  if (!IsSuccess(response.status)) return ErrorOfProblem(response.status, response.body);
  ApiAnswer answer{.status = response.status,
                   .body = {},
                   .change = response.Header("Slipway-Change").value_or("")};
  if (!response.body.empty()) {
    Result<Json> json =
        ParseJson(response.body, {.max_bytes = 256 << 20, .max_values = 50'000'000});
    if (!json) return json.error().Prefixed("the server's answer: ");
    answer.body = std::move(*json);
  }
  return answer;
}

Result<ApiAnswer> ApiClient::Get(const std::string& path) {
  return Call("GET", path, nullptr, "");
}
Result<ApiAnswer> ApiClient::Post(const std::string& path, const Json& body) {
  return Call("POST", path, &body, "application/json");
}
Result<ApiAnswer> ApiClient::Put(const std::string& path, const Json& body) {
  return Call("PUT", path, &body, "application/json");
}
Result<ApiAnswer> ApiClient::Patch(const std::string& path, const Json& body) {
  return Call("PATCH", path, &body, "application/merge-patch+json");
}
Result<ApiAnswer> ApiClient::Delete(const std::string& path) {
  return Call("DELETE", path, nullptr, "");
}

Result<void> ApiClient::Stream(const std::string& path,
                               std::function<Result<void>(std::string_view)> piece,
                               const StreamLimits& limits) {
  net::ClientRequest request;
  request.url = path;
  request.timeout = limits.timeout;
  request.idle_timeout = limits.idle_timeout;
  request.download = std::move(piece);
  TRY(response, Send(std::move(request)));
  if (!IsSuccess(response.status)) return ErrorOfProblem(response.status, response.body);
  return {};
}

Result<void> ApiClient::Watch(const std::string& path,
                              std::function<Result<bool>(const ApiEvent&)> on_event,
                              std::chrono::milliseconds timeout) {
  net::SseParser parser;
  bool done = false;
  const auto take = [&](const net::SseEvent& event) -> Result<void> {
    if (event.type == "error") return ErrorOfProblem(500, event.data);
    TRY(data, ParseJson(event.data));
    TRY(more, on_event({.type = event.type, .id = event.id, .data = std::move(data)}));
    if (more) return {};
    done = true;
    return Error(Code::kCancelled, "WATCH_DONE", "the watch saw what it waited for");
  };
  const auto feed = [&](std::string_view piece) { return parser.Feed(piece, take); };
  Result<void> ended = Stream(path, feed, {.timeout = timeout, .idle_timeout = kStreamIdleTimeout});
  if (done) return {};
  if (!ended) return ended.error();
  return Unavailable("WATCH_ENDED", "the server ended the watch; try again");
}

}  // namespace slipway::cli
