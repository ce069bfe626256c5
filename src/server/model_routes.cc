#include "server/model_routes.h"

#include <charconv>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/format_check.h"
#include "controller/model/lineage.h"
#include "registry/projection.h"
#include "registry/tag_moves.h"
#include "trust/access.h"

namespace slipway::server {
namespace {

using QueryKind = net::QueryParameter::Kind;

constexpr uint64_t kDefaultHistoryPage = 50;
constexpr uint64_t kMaxHistoryPage = 500;

// A whole number of the query in a range.
Result<uint64_t> NumberIn(const net::HttpRequest& request, std::string_view name, uint64_t min,
                          uint64_t max, uint64_t otherwise) {
  const auto text = request.Query(name);
  if (!text) return otherwise;
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  const bool is_number = error == std::errc() && end == text->data() + text->size();
  if (is_number && number >= min && number <= max) return number;
  return InvalidArgument("FIELD_RANGE",
                         fmt::format("{}: {} to {}, got {}", name, min, max, Quoted(*text)))
      .With("field", std::string(name));
}

Result<controller::LineageDirection> DirectionOf(const net::HttpRequest& request) {
  const std::string text = request.Query("direction").value_or("both");
  if (text == "both") return controller::LineageDirection::kBoth;
  if (text == "up") return controller::LineageDirection::kUp;
  if (text == "down") return controller::LineageDirection::kDown;
  return InvalidArgument("FIELD_RANGE",
                         fmt::format("direction: up, down or both, got {}", Quoted(text)))
      .With("field", "direction");
}

Result<controller::LineageQuery> LineageQueryOf(const net::HttpRequest& request) {
  controller::LineageQuery query;
  query.version = {"ModelVersion", request.Parameter("project"), request.Parameter("name")};
  TRY(direction, DirectionOf(request));
  query.direction = direction;
  TRY(depth, NumberIn(request, "depth", 1, controller::kMaxLineageDepth,
                      controller::kDefaultLineageDepth));
  query.depth = depth;
  TRY(limit,
      NumberIn(request, "limit", 1, controller::kMaxLineagePage, controller::kDefaultLineagePage));
  query.limit = limit;
  query.after = request.Query("continue").value_or("");
  query.may_read = [identity = request.context.identity](std::string_view project) {
    return trust::CheckAccess(net::Access::kViewer, identity, project, true).has_value();
  };
  return query;
}

Task<Result<Json>> Lineage(resource::ResourceStore& store, const net::HttpRequest& request) {
  CO_TRY(query, LineageQueryOf(request));
  Json lineage;
  CO_TRY_VOID(co_await store.meta().Read([&](const store::Snapshot& snapshot) -> Result<void> {
    TRY(read, controller::ReadLineage(snapshot, query));
    lineage = std::move(read);
    return {};
  }));
  co_return lineage;
}

// A move as it is told, with the version that the tag pointed at if that is there still.
Result<Json> ShownMove(const store::Snapshot& snapshot, const std::string& repository,
                       const registry::TagMove& move) {
  Json shown = {{"tag", move.tag},
                {"change", move.digest.empty()   ? "removed"
                           : move.before.empty() ? "set"
                                                 : "moved"}};
  if (!move.digest.empty()) shown["digest"] = move.digest;
  if (!move.before.empty()) shown["before"] = move.before;
  shown["at"] = move.at;
  shown["by"] = move.by;
  const auto digest = Digest::Parse(move.digest);
  if (!digest) return shown;
  const resource::Key key = registry::ModelVersionKey(repository, *digest);
  TRY(row, snapshot.Get(resource::RowKey(key)));
  if (row) shown["modelVersion"] = key.name;
  return shown;
}

Task<Result<Json>> History(resource::ResourceStore& store, const net::HttpRequest& request) {
  CO_TRY(limit, NumberIn(request, "limit", 1, kMaxHistoryPage, kDefaultHistoryPage));
  CO_TRY(before, NumberIn(request, "continue", 0, UINT64_MAX, UINT64_MAX));
  const std::string tag = request.Query("tag").value_or("");
  CO_TRY(model,
         co_await store.Get({"Model", request.Parameter("project"), request.Parameter("name")}));
  const std::string repository = model.spec.value("repository", std::string());
  Json history = {{"apiVersion", resource::kApiVersion},
                  {"kind", "History"},
                  {"repository", repository},
                  {"metadata", Json::object()},
                  {"items", Json::array()}};
  CO_TRY_VOID(co_await store.meta().Read([&](const store::Snapshot& snapshot) -> Result<void> {
    TRY(page, registry::ReadMoves(snapshot, repository, tag, before, limit));
    for (const registry::TagMove& move : page.moves) {
      TRY(shown, ShownMove(snapshot, repository, move));
      history["items"].push_back(std::move(shown));
    }
    Json& metadata = history["metadata"];
    if (page.next) metadata["continue"] = std::to_string(*page.next);
    metadata["forgotten"] = page.forgotten;
    return {};
  }));
  co_return history;
}

using Answer = Task<Result<Json>> (*)(resource::ResourceStore& store,
                                      const net::HttpRequest& request);

Task<net::HttpResponse> Respond(resource::ResourceStore& store, Answer answer,
                                net::HttpRequest& request) {
  Result<Json> json = co_await answer(store, request);
  if (!json) co_return net::ProblemResponse(json.error());
  co_return net::HttpResponse::Json(200, DumpJson(*json));
}

net::Route RouteOf(resource::ResourceStore& store, std::string pattern, Answer answer,
                   std::string summary, std::vector<net::QueryParameter> query) {
  return {.method = net::Method::kGet,
          .pattern = std::move(pattern),
          .access = net::Access::kViewer,
          .handler = [&store, answer](
                         net::HttpRequest& request) { return Respond(store, answer, request); },
          .summary = std::move(summary),
          .query = std::move(query)};
}

}  // namespace

std::vector<net::Route> ModelRoutes(resource::ResourceStore& store) {
  std::vector<net::Route> routes;
  routes.push_back(RouteOf(
      store, "/api/v1/projects/{project}/modelversions/{name}/lineage", &Lineage,
      "What a model version was made from, what was made from it, and what uses it",
      {{.name = "direction", .text = "up (what it was made from), down, or both."},
       {.name = "depth", .kind = QueryKind::kNumber, .text = "Generations, 1 to 16."},
       {.name = "limit", .kind = QueryKind::kNumber, .text = "Children of a version, 1 to 500."},
       {.name = "continue", .text = "Children behind this one: what the page before says."}}));
  routes.push_back(RouteOf(
      store, "/api/v1/projects/{project}/models/{name}/history", &History,
      "How the tags of a model moved, the newest first",
      {{.name = "tag", .text = "Moves of this tag only."},
       {.name = "limit", .kind = QueryKind::kNumber, .text = "Items of a page, 1 to 500."},
       {.name = "continue", .kind = QueryKind::kNumber, .text = "What the page before says."}}));
  return routes;
}

}  // namespace slipway::server
