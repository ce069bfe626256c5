#include "resource/api/api.h"

#include <memory>

#include <fmt/format.h>

#include "resource/api/event_endpoint.h"
#include "resource/api/explain_endpoint.h"
#include "resource/api/objects.h"
#include "resource/api/token_endpoint.h"

namespace slipway::resource {
namespace {

using net::Access;
using net::HttpRequest;
using net::Method;

// Which access rules the routes of a kind state.
struct KindAccess {
  Access read;
  Access write;
};

KindAccess AccessOf(const KindInfo& kind) {
  if (kind.kind == "Project") return {Access::kViewer, Access::kAdmin};
  if (kind.kind == "Token") return {Access::kGlobalAdmin, Access::kGlobalAdmin};
  if (kind.global) return {Access::kGlobalViewer, Access::kGlobalAdmin};
  return {Access::kViewer, Access::kEditor};
}

using Query = std::vector<net::QueryParameter>;
using QueryKind = net::QueryParameter::Kind;

Query ListQuery(const KindInfo& kind) {
  Query query = {
      {.name = "label", .text = "Selector: a=b,c!=d,e,!f."},
      {.name = "limit", .kind = QueryKind::kNumber, .text = "Items of a page, 1 to 5,000."},
      {.name = "continue", .text = "The token of the page before."},
      {.name = "watch",
       .kind = QueryKind::kFlag,
       .text = "Server-sent events instead of a page; takes label, after and epoch."},
      {.name = "after",
       .kind = QueryKind::kNumber,
       .text = "Watch from this version on; from now on without it."},
      {.name = "epoch", .text = "The database that `after` is a version of: metadata.epoch."},
  };
  if (!kind.search.empty()) {
    query.push_back({.name = "where",
                     .text =
                         "Expression: metrics.accuracy > 0.9 and format = onnx. The answer to a "
                         "field that there is not names those that there are."});
  }
  return query;
}

Query ApplyQuery() {
  return {{.name = "apply",
           .kind = QueryKind::kFlag,
           .text = "Makes what is missing, and replaces whatever is there: metadata.version and "
                   "metadata.uid of the body do not count."}};
}

Query CascadeQuery() {
  return {{.name = "cascade",
           .kind = QueryKind::kFlag,
           .text = "Takes along what would otherwise stand in the way: all that is in a project, "
                   "all of a model's repository."}};
}

// The routes of one kind.
class KindRoutes {
 public:
  using Action = Task<net::HttpResponse> (KindEndpoint::*)(HttpRequest&) const;

  KindRoutes(ResourceStore& store, const KindInfo& kind, const ApiHooks& hooks)
      : store_(store),
        kind_(kind),
        access_(AccessOf(kind)),
        endpoint_(std::make_shared<const KindEndpoint>(store, kind, hooks.recheck)) {}

  std::vector<net::Route> Make() {
    const bool is_project = kind_.kind == "Project";
    const std::string list = kind_.global
                                 ? fmt::format("/api/v1/{}", kind_.plural)
                                 : fmt::format("/api/v1/projects/{{project}}/{}", kind_.plural);
    const std::string one = list + (is_project ? "/{project}" : "/{name}");
    const Access list_access = is_project ? Access::kGlobalViewer : access_.read;
    Add(Method::kGet, list, list_access, &KindEndpoint::List, "Lists or watches {}.",
        ListQuery(kind_));
    if (!kind_.global) {
      Add(Method::kGet, fmt::format("/api/v1/{}", kind_.plural), Access::kGlobalViewer,
          &KindEndpoint::List, "Lists or watches {} of all projects.", ListQuery(kind_));
    }
    Add(Method::kGet, one, access_.read, &KindEndpoint::Get, "Answers one of {}.");
    Add(Method::kGet, one + "/status", access_.read, &KindEndpoint::GetStatus,
        "Answers the status of one of {}.");
    // Of a project: ProjectEvents, which has those of all that is in it.
    if (!is_project) AddEvents(one + "/events");
    if (kind_.user_writable) AddWrites(list, one, is_project);
    if (kind_.user_deletable) AddDelete(one, is_project);
    return std::move(routes_);
  }

 private:
  void Add(Method method, std::string pattern, Access access, Action action,
           std::string_view summary, Query query = {}) {
    routes_.push_back(
        {.method = method,
         .pattern = std::move(pattern),
         .access = access,
         .handler = [endpoint = endpoint_,
                     action](HttpRequest& request) { return (endpoint.get()->*action)(request); },
         .summary = fmt::format(fmt::runtime(summary), kind_.plural),
         .query = std::move(query)});
  }

  void AddWrites(const std::string& list, const std::string& one, bool is_project) {
    const Access create = is_project ? Access::kGlobalAdmin : access_.write;
    if (kind_.kind != "Token") {
      Add(Method::kPost, list, create, &KindEndpoint::Create, "Makes one of {}.");
    }
    Add(Method::kPut, one, create, &KindEndpoint::Put,
        "Replaces one of {}; with apply=1 makes it if it is missing.", ApplyQuery());
    Add(Method::kPatch, one, access_.write, &KindEndpoint::Patch,
        "Changes one of {} by a merge patch.");
  }
  void AddDelete(const std::string& one, bool is_project) {
    Add(Method::kDelete, one, is_project ? Access::kGlobalAdmin : access_.write,
        &KindEndpoint::Delete, "Deletes one of {}.", CascadeQuery());
  }

  void AddEvents(std::string pattern) {
    routes_.push_back({.method = Method::kGet,
                       .pattern = std::move(pattern),
                       .access = access_.read,
                       .handler =
                           [endpoint = endpoint_, &store = store_](HttpRequest& request) {
                             return EventsResponse(store, endpoint->KeyOf(request));
                           },
                       .summary = fmt::format("What happened to one of {}.", kind_.plural),
                       .query = Query()});
  }

  ResourceStore& store_;
  const KindInfo& kind_;
  KindAccess access_;
  std::shared_ptr<const KindEndpoint> endpoint_;
  std::vector<net::Route> routes_;
};

net::Route ProjectEvents(ResourceStore& store) {
  return {.method = Method::kGet,
          .pattern = "/api/v1/projects/{project}/events",
          .access = Access::kViewer,
          .handler =
              [&store](HttpRequest& request) {
                return EventsResponse(store, {"", request.Parameter("project"), ""});
              },
          .summary = "What happened in a project.",
          .query = Query()};
}

net::Route ServiceLogs(ApiHooks hooks) {
  return {.method = Method::kGet,
          .pattern = "/api/v1/projects/{project}/services/{name}/logs",
          .access = Access::kViewer,
          .handler =
              [logs = std::move(hooks.service_logs)](HttpRequest& request) {
                return logs(request,
                            {"Service", request.Parameter("project"), request.Parameter("name")});
              },
          .summary = "The log of a service; follow=1 goes on with new lines.",
          .query = Query{{.name = "follow",
                          .kind = QueryKind::kFlag,
                          .text = "Goes on with new lines as they come."}}};
}

}  // namespace

std::vector<net::Route> ApiRoutes(ResourceStore& store, ApiHooks hooks) {
  std::vector<net::Route> routes;
  for (const KindInfo& kind : Kinds()) {
    for (net::Route& route : KindRoutes(store, kind, hooks).Make()) {
      routes.push_back(std::move(route));
    }
  }
  for (net::Route& route : TokenRoutes(store)) routes.push_back(std::move(route));
  routes.push_back(ProjectEvents(store));
  routes.push_back(ExplainRoute());
  if (hooks.service_logs) routes.push_back(ServiceLogs(std::move(hooks)));
  return routes;
}

}  // namespace slipway::resource
