// ApiClient: the control centre's REST API as the commands use it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/result.h"
#include "cli/contexts.h"
#include "net/http_client.h"

namespace slipway::cli {

struct ApiAnswer {
  int status = 0;
  Json body;
  // What `apply` and PATCH say they did: "created", "configured" or "unchanged"; else empty.
  std::string change;
};

struct ApiEvent {
  std::string type;  // "added", "modified", "deleted", "bookmark"
  std::string id;    // the version: where a watch goes on
  Json data;
};

// Blocking; not thread-safe. An answer that is no success becomes the Error that the server meant
// (its problem document), one without such a document UNKNOWN / HTTP_STATUS.
class ApiClient {
 public:
  explicit ApiClient(Context context);
  ~ApiClient();

  Result<ApiAnswer> Get(const std::string& path);
  Result<ApiAnswer> Post(const std::string& path, const Json& body);
  Result<ApiAnswer> Put(const std::string& path, const Json& body);
  // A merge patch (RFC 7396).
  Result<ApiAnswer> Patch(const std::string& path, const Json& body);
  Result<ApiAnswer> Delete(const std::string& path);
  // Any request, to API, registry or (absolute URL of the context's) data plane; every status is a
  // value. The token goes along.
  Result<net::ClientResponse> Send(net::ClientRequest request);

  // Calls `on_event` for each event until it answers false (success) or the stream ends
  // (UNAVAILABLE / WATCH_ENDED). OUT_OF_RANGE / EXPIRED: read again, then watch from there. With a
  // time-out other than 0, DEADLINE_EXCEEDED / TIMEOUT after it.
  Result<void> Watch(const std::string& path, std::function<Result<bool>(const ApiEvent&)> on_event,
                     std::chrono::milliseconds timeout = {});
  // Of a stream, 0: none. A peer that is gone without a word is noticed by the connection itself.
  struct StreamLimits {
    std::chrono::milliseconds timeout;  // of all of it
    std::chrono::milliseconds idle_timeout;
  };
  // Passes an endless answer on piece by piece.
  Result<void> Stream(const std::string& path, std::function<Result<void>(std::string_view)> piece,
                      const StreamLimits& limits);

  const Context& context() const { return context_; }
  // The token's text; empty where the context names no file.
  Result<std::string> Token();

 private:
  Result<ApiAnswer> Call(std::string method, const std::string& path, const Json* body,
                         std::string content_type);

  Context context_;
  net::HttpClient http_;
  std::optional<std::string> token_;
};

// An error of the transport, in words of the context: which one it is, and how it is told which
// authority to trust.
Error ErrorOfContext(const Context& context, const Error& error);
net::HttpClient::Options HttpOptionsOf(const Context& context);

// The Error of a problem document (RFC 9457), or of the registry's own, that came with this HTTP
// status.
Error ErrorOfProblem(int status, std::string_view body);

// "/api/v1/projects/P/services/N" of a plural; without project for global kinds, without name for
// the list. Names are percent-encoded.
std::string ResourcePath(std::string_view plural, bool global, std::string_view project,
                         std::string_view name = {});

}  // namespace slipway::cli
