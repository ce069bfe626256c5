#include "server/traffic_routes.h"

#include <charconv>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "controller/service/traffic_status.h"
#include "controller/site/desired_input.h"
#include "net/query.h"
#include "resource/api/request_body.h"
#include "resource/token_store.h"
#include "routing/explanation.h"
#include "routing/json_body.h"

namespace slipway::server {

// A request as its sender describes it.
struct ExplainRequest {
  std::string path;  // empty: that of infer
  std::string query;
  std::map<std::string, std::string> headers;
  std::string body;  // the text of a V2 request
  std::optional<std::string> key;
};
BOOST_DESCRIBE_STRUCT(ExplainRequest, (), (path, query, headers, body, key))

}  // namespace slipway::server

template <>
struct slipway::Description<slipway::server::ExplainRequest> {
  static constexpr std::string_view kText = "A request as its sender describes it.";
  static constexpr FieldText kFields[] = {
      {.name = "path", .text = "Its path; empty: that of infer.", .max = 8192},
      {.name = "query", .text = "Its query, without the question mark.", .max = 8192},
      {.name = "headers", .text = "Its headers.", .max = 256},
      {.name = "body", .text = "The text of its JSON."},
      {.name = "key", .text = "Its sticky key, wherever that would be."},
  };
};

namespace slipway::server {
namespace {

class DescribedFacts final : public routing::RequestFacts {
 public:
  explicit DescribedFacts(ExplainRequest request)
      : request_(std::move(request)), query_(net::ParseQuery(request_.query)) {
    for (const auto& [name, value] : request_.headers) {
      std::string lower = name;
      for (char& c : lower) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
      }
      headers_.emplace(std::move(lower), value);
    }
    request_.body.reserve(request_.body.size() + routing::kJsonPadding);
    body_.Open(request_.body);
    if (auto path = net::PercentDecode(request_.path)) path_ = *std::move(path);
  }

  std::optional<std::string_view> Header(std::string_view name) override {
    const auto found = headers_.find(std::string(name));
    if (found == headers_.end()) return std::nullopt;
    return found->second;
  }
  std::optional<std::string_view> Path() override { return path_; }
  std::optional<std::string_view> Query(std::string_view name) override {
    for (const auto& [key, value] : query_) {
      if (key == name) return value;
    }
    return std::nullopt;
  }
  std::optional<std::string_view> Body(const routing::BodyField& field) override {
    return body_.Find(field);
  }

 private:
  ExplainRequest request_;
  std::vector<std::pair<std::string, std::string>> query_;
  std::map<std::string, std::string> headers_;
  std::optional<std::string> path_;
  routing::JsonBody body_;
};

// The number behind `/versions/`, if the path has one.
std::optional<int64_t> VersionIn(std::string_view path) {
  constexpr std::string_view kVersions = "/versions/";
  const size_t at = path.find(kVersions);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view rest = path.substr(at + kVersions.size());
  // As the data plane takes it: decoded, and compared with the number as text.
  const Result<std::string> text = net::PercentDecode(rest.substr(0, rest.find('/')));
  if (text.has_error() || text->empty() || text->front() == '0') return std::nullopt;
  int64_t number = 0;
  const char* const last = text->data() + text->size();
  const auto [end, error] = std::from_chars(text->data(), last, number);
  if (error != std::errc() || end != last) return std::nullopt;
  return number;
}

std::string InferPath(const resource::Key& service) {
  const std::string prefix = service.project == "default" ? "" : "/p/" + service.project;
  return prefix + "/v2/models/" + service.name + "/infer";
}

Task<Result<Json>> TryExplain(resource::ResourceStore& store, net::HttpRequest& request) {
  CO_TRY(json, co_await resource::ReadBody(request));
  CO_TRY(described, Decode<ExplainRequest>(json));
  const resource::Key key{"Service", request.Parameter("project"), request.Parameter("name")};
  CO_TRY_VOID(co_await store.Get(key));
  controller::DesiredInput input;
  CO_TRY_VOID(co_await store.meta().Read([&](const store::Snapshot& snapshot) -> Result<void> {
    TRY(read, controller::ReadDesiredInput(snapshot, key, resource::InferenceAccess::kToken,
                                           resource::InferenceTokens()));
    input = std::move(read);
    return {};
  }));
  // It may have gone since it was found.
  routing::TrafficSpec traffic;
  if (!input.services.empty()) {
    const controller::Service& service = input.services.front();
    traffic = resource::TrafficOf(service.spec, service.status).value_or(routing::TrafficSpec());
  }
  if (described.path.empty()) described.path = InferPath(key);
  routing::ExplainOptions options{.key = std::move(described.key),
                                  .version = VersionIn(described.path)};
  DescribedFacts facts(std::move(described));
  CO_TRY(explanation,
         routing::Explain(traffic, controller::CandidatesOf(input.revisions), facts, options));
  co_return Encode(explanation);
}

Task<net::HttpResponse> ExplainTraffic(resource::ResourceStore& store, net::HttpRequest& request) {
  const Result<Json> answer = co_await TryExplain(store, request);
  if (answer.has_error()) co_return net::ProblemResponse(answer.error());
  co_return net::HttpResponse::Json(200, DumpJson(*answer));
}

}  // namespace

std::vector<net::Route> TrafficRoutes(resource::ResourceStore& store) {
  return {
      {.method = net::Method::kPost,
       .pattern = "/api/v1/projects/{project}/services/{name}/traffic/explain",
       .access = net::Access::kViewer,
       .handler = [&store](net::HttpRequest& request) { return ExplainTraffic(store, request); },
       .summary = "Which revision a request would reach, and why",
       .query = std::vector<net::QueryParameter>()}};
}

}  // namespace slipway::server
