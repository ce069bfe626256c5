#include <chrono>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "klever/comparison/comparison.h"
#include "klever/core.h"
#include "klever/limits.h"
#include "klever/ormb_metadata.h"
#include "trust/access.h"

namespace slipway::klever {
namespace {

using net::HttpRequest;
using net::HttpResponse;

Result<ComparisonRequest> ReadRequest(std::string_view body) {
  TRY(json, ParseJson(body));
  TRY(wanted, Decode<ComparisonRequest>(json, "", UnknownFields::kIgnore));
  if (wanted.models.empty() || wanted.models.size() > kMaxCompared) {
    return Error(Code::kInvalidArgument, "FIELD_RANGE",
                 fmt::format("models: 1 to {} models are compared, got {}", kMaxCompared,
                             wanted.models.size()),
                 {{"field", "models"}});
  }
  return wanted;
}

// Errors say which of the models is meant.
Error At(size_t index, const Error& error) {
  return error.Prefixed(fmt::format("models[{}]: ", index))
      .With("field", fmt::format("models[{}]", index));
}

Task<Result<Compared>> Compare(Core& core, const Identity& caller, const ComparedModel& wanted) {
  CO_TRY_VOID(trust::CheckAccess(net::Access::kViewer, caller, wanted.project, true));
  CO_TRY(name, VersionNameOf(wanted.project, wanted.name, wanted.tag));
  CO_TRY(stored, co_await FindManifest(core, name.repository, name.version));
  CO_TRY(config,
         co_await core.pool().Run([&] { return ReadConfig(*core.content, stored.manifest); }));
  CO_TRY(metadata, co_await OrmbMetadataOf(core, stored, config));
  co_return Compared{.path = name.repository + ":" + name.version, .metadata = std::move(metadata)};
}

struct Comparison {
  size_t total = 0;
  std::vector<Compared> models;
};

// What start and limit say stands in the query, or beside the models.
std::optional<std::string> NumberOf(const HttpRequest& request, std::string_view name,
                                    const std::optional<uint64_t>& in_body) {
  if (auto text = request.Query(name)) return text;
  if (in_body) return std::to_string(*in_body);
  return std::nullopt;
}

Task<Result<Comparison>> CompareAll(Core& core, HttpRequest& request) {
  CO_TRY(body, co_await request.body->ReadAll(kMaxBodyBytes));
  CO_TRY(wanted, ReadRequest(body));
  CO_TRY(page, PageOf(wanted.models.size(), NumberOf(request, "start", wanted.start),
                      NumberOf(request, "limit", wanted.limit)));
  Comparison comparison{.total = wanted.models.size(), .models = {}};
  for (size_t i = page.first; i < page.last; ++i) {
    auto compared = co_await Compare(core, request.context.identity, wanted.models[i]);
    if (!compared) co_return At(i, compared.error());
    comparison.models.push_back(std::move(*compared));
  }
  co_return comparison;
}

Task<Result<HttpResponse>> GetComparison(Core& core, HttpRequest& request) {
  CO_TRY(comparison, co_await CompareAll(core, request));
  Json items = Json::array();
  for (Compared& model : comparison.models) {
    items.push_back({{"path", model.path}, {"metadata", std::move(model.metadata)}});
  }
  const Json body = {{"metadata", {{"totalItems", comparison.total}}}, {"items", std::move(items)}};
  co_return HttpResponse::Json(200, DumpJson(body));
}

Task<Result<HttpResponse>> GetDocument(Core& core, HttpRequest& request) {
  CO_TRY(comparison, co_await CompareAll(core, request));
  const auto now = std::chrono::floor<std::chrono::seconds>(core.options.clock->Wall());
  HttpResponse response;
  response.content_type = "text/csv; charset=utf-8";
  response.headers = {{"Content-Disposition", fmt::format("attachment; filename=\"{}.csv\"",
                                                          now.time_since_epoch().count())}};
  response.body = ComparisonCsv(comparison.models);
  co_return response;
}

}  // namespace

std::vector<net::Route> ComparisonRoutes(const std::shared_ptr<Core>& core) {
  std::vector<net::Route> routes;
  // Klever's clients send a body with GET; proxies drop those, so POST is there, too. Each model's
  // project is looked at by the handler.
  for (const net::Method method : {net::Method::kGet, net::Method::kPost}) {
    routes.push_back(KleverRoute(core, method, "/api/v1alpha1/comparisons",
                                 net::Access::kIdentified, GetComparison,
                                 "Gives the metadata of several models, each of a project that "
                                 "the caller may read"));
    routes.push_back(KleverRoute(core, method, "/api/v1alpha1/comparativedocument",
                                 net::Access::kIdentified, GetDocument, "The same, as CSV"));
  }
  return routes;
}

}  // namespace slipway::klever
