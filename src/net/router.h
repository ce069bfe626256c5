// Router: the table of routes of one listener. Every route states its access rule.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http_message.h"
#include "net/query.h"

namespace slipway::net {

// What a caller needs before a handler runs. {project} is taken from the route's parameter
// `project`, or by the guard from the repository name (parameter `name`).
enum class Access : uint8_t {
  kOpen,        // nobody in particular: liveness, the sign-in challenge
  kLocal,       // open on loopback peers, viewer of any project elsewhere (health, metrics)
  kIdentified,  // any valid token
  kViewer,      // viewer, editor or admin of the project
  kEditor,
  kAdmin,
  kGlobalViewer,  // the same roles held in all projects
  kGlobalAdmin,
  // Answered in the registry's own way; an access token of it opens what it was made for.
  kRegistry,        // any valid token
  kRegistryPull,    // viewer of the repository's project, or anybody if the project says so
  kRegistryPush,    // editor of it, or admin of all when the project does not exist yet
  kRegistryDelete,  // editor of it
  kInference,       // as the service's spec.access says
  kControl,         // changes the state of a stand-alone data plane
};

std::string_view AccessName(Access access);

struct Route {
  Method method = Method::kGet;
  // Segments of literals and {parameters}; `{name+}` takes one or more segments (at most one of
  // them a pattern): "/v2/{name+}/blobs/{digest}"; `{name*}` at the end takes all that follow,
  // empty ones too. Elsewhere a trailing slash is a different path.
  std::string pattern;
  Access access = Access::kGlobalAdmin;
  Handler handler;
  std::string summary;  // one sentence, for OpenAPI and the table test
  // All that its query may hold, checked after the guard by CheckQuery. Nothing: not checked, as
  // protocols have it whose clients add parameters of their own.
  std::optional<std::vector<QueryParameter>> query = std::nullopt;
};

// Decides before the handler runs and fills request.context.identity; an Error becomes the answer.
using Guard = std::function<Task<Result<void>>(const Route& route, HttpRequest& request)>;
// One that never waits, which saves each request two coroutines.
using QuickGuard = std::function<Result<void>(const Route& route, HttpRequest& request)>;
// Turns an error of the guard, or "no such route" (NOT_FOUND / ROUTE_UNKNOWN) and "other method"
// (UNIMPLEMENTED / METHOD_NOT_ALLOWED, detail "allow"), into the protocol's own answer.
using ErrorWriter = std::function<HttpResponse(const HttpRequest& request, const Error& error)>;

// Immutable once served; matching takes no lock. HEAD falls back to GET with the body dropped.
class Router {
 public:
  Router();
  ~Router();
  Router(Router&&) noexcept;
  Router& operator=(Router&&) noexcept;

  // CHECKs the pattern; of two matching routes the more literal one wins.
  void Add(Route route);
  void AddAll(std::vector<Route> routes);
  const std::vector<Route>& routes() const;

  // One of the two.
  void SetGuard(Guard guard);
  void SetQuickGuard(QuickGuard guard);
  // For paths with this prefix ("" is the default); ProblemResponse where none is set.
  void SetErrorWriter(std::string prefix, ErrorWriter writer);

  // Match, guard, handler; errors written. Never fails.
  Task<HttpResponse> Handle(HttpRequest& request) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway::net
