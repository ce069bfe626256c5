#include "resource/api/explain_endpoint.h"

#include "resource/explain.h"

namespace slipway::resource {
namespace {

Task<net::HttpResponse> Answer(net::HttpRequest& request) {
  const Result<Explanation> explanation = Explain(request.Query("path").value_or(""));
  if (!explanation.has_value()) co_return net::ProblemResponse(explanation.error());
  co_return net::HttpResponse::Json(200, DumpJson(Encode(*explanation)));
}

}  // namespace

net::Route ExplainRoute() {
  return {
      .method = net::Method::kGet,
      .pattern = std::string(kExplainPath),
      .access = net::Access::kIdentified,
      .handler = Answer,
      .summary = "What a kind or one of its fields means.",
      .query = std::vector<net::QueryParameter>{
          {.name = "path", .text = "KIND, or KIND.spec.FIELD and so on; all kinds without it."}}};
}

}  // namespace slipway::resource
