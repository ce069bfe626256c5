#include "resource/api/token_endpoint.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "resource/api/objects.h"
#include "resource/api/request_body.h"
#include "resource/kinds/token.h"
#include "resource/limits.h"
#include "resource/token_store.h"

namespace slipway::resource {
namespace {

using net::Access;
using net::HttpRequest;
using net::HttpResponse;
using net::Method;

// Of a stored token, whose spec was checked.
std::string ProjectOfToken(const Resource& token) {
  return token.spec.value("project", "");
}

// Makes a token; `project` is forced on it where it is not empty.
Task<Result<HttpResponse>> Issue(ResourceStore& store, HttpRequest& request, std::string project) {
  CO_TRY(body, co_await ReadBody(request));
  CO_TRY(wanted, ResourceFromUser(*FindKind("Token"), body, {}, {}));
  if (!project.empty()) {
    CO_TRY(spec, Decode<TokenSpec>(wanted.spec, "spec"));
    if (!spec.project.empty() && spec.project != project) {
      co_return InvalidArgument("FIELD_RANGE", fmt::format("spec.project: must be {} here, got {}",
                                                           project, spec.project))
          .With("field", "spec.project");
    }
    wanted.spec["project"] = project;
  }
  CO_TRY(issued, co_await IssueToken(store, request.context, std::move(wanted)));
  Json answer = ToJson(issued.resource);
  answer["secret"] = issued.secret;
  HttpResponse response = HttpResponse::Json(201, DumpJson(answer));
  response.headers.emplace_back("Cache-Control", "no-store");
  response.headers.emplace_back("Location",
                                fmt::format("/api/v1/tokens/{}", issued.resource.metadata.name));
  co_return response;
}

Task<Result<HttpResponse>> ListOfProject(ResourceStore& store, std::string project) {
  Json items = Json::array();
  ListOptions options{.label = "", .limit = kMaxPage, .continue_token = ""};
  uint64_t version = 0;
  do {
    CO_TRY(page, co_await store.List("Token", "", options));
    for (const Resource& token : page.items) {
      if (ProjectOfToken(token) == project) items.push_back(ToJson(token));
    }
    version = page.version;
    options.continue_token = page.continue_token;
  } while (!options.continue_token.empty());
  const Json list = {{"apiVersion", kApiVersion},
                     {"kind", "TokenList"},
                     {"metadata", {{"version", version}}},
                     {"items", std::move(items)}};
  co_return HttpResponse::Json(200, DumpJson(list));
}

Task<Result<HttpResponse>> DeleteInProject(ResourceStore& store, HttpRequest& request) {
  const Key key{"Token", "", request.Parameter("name")};
  CO_TRY(if_version, IfMatch(request));
  CO_TRY(token, co_await store.Get(key));
  if (ProjectOfToken(token) != request.Parameter("project")) {
    co_return NotFound("RESOURCE_UNKNOWN", fmt::format("project {} has no Token {}",
                                                       request.Parameter("project"), key.name));
  }
  CO_TRY_VOID(
      co_await store.Delete(request.context, key, if_version.value_or(token.metadata.version)));
  co_return HttpResponse::Empty(204);
}

Task<HttpResponse> Answer(Task<Result<HttpResponse>> work) {
  auto result = co_await std::move(work);
  co_return result.has_value() ? std::move(*result) : net::ProblemResponse(result.error());
}

}  // namespace

std::vector<net::Route> TokenRoutes(ResourceStore& store) {
  const std::string in_project = "/api/v1/projects/{project}/tokens";
  std::vector<net::Route> routes;
  routes.push_back({.method = Method::kPost,
                    .pattern = "/api/v1/tokens",
                    .access = Access::kGlobalAdmin,
                    .handler = [&store](HttpRequest& r) { return Answer(Issue(store, r, {})); },
                    .summary = "Makes a token; the answer shows its secret, once.",
                    .query = std::vector<net::QueryParameter>()});
  routes.push_back(
      {.method = Method::kPost,
       .pattern = in_project,
       .access = Access::kAdmin,
       .handler =
           [&store](HttpRequest& r) { return Answer(Issue(store, r, r.Parameter("project"))); },
       .summary = "Makes a token for the project; the answer shows its secret, once.",
       .query = std::vector<net::QueryParameter>()});
  routes.push_back({.method = Method::kGet,
                    .pattern = in_project,
                    .access = Access::kAdmin,
                    .handler =
                        [&store](HttpRequest& r) {
                          return Answer(ListOfProject(store, r.Parameter("project")));
                        },
                    .summary = "Lists the tokens of a project.",
                    .query = std::vector<net::QueryParameter>()});
  routes.push_back(
      {.method = Method::kDelete,
       .pattern = in_project + "/{name}",
       .access = Access::kAdmin,
       .handler = [&store](HttpRequest& r) { return Answer(DeleteInProject(store, r)); },
       .summary = "Revokes a token of a project.",
       .query = std::vector<net::QueryParameter>()});
  return routes;
}

}  // namespace slipway::resource
