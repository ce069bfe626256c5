#include "gateway/v2/http_facts.h"

#include <utility>

#include "net/query.h"

namespace slipway::gateway::v2 {

std::optional<std::string_view> HttpFacts::Header(std::string_view name) {
  return request_.Header(name);
}

std::optional<std::string_view> HttpFacts::Path() {
  if (!path_) {
    Result<std::string> decoded = net::PercentDecode(request_.path);
    path_.emplace();
    if (decoded.has_value()) path_->emplace(*std::move(decoded));
  }
  return *path_;
}

std::optional<std::string_view> HttpFacts::Query(std::string_view name) {
  if (!query_) query_ = net::ParseQuery(request_.query);
  for (const auto& [key, value] : *query_) {
    if (key == name) return value;
  }
  return std::nullopt;
}

std::optional<std::string_view> HttpFacts::Body(const routing::BodyField& field) {
  if (!is_open_) body_.Open(json_);
  is_open_ = true;
  return body_.Find(field);
}

}  // namespace slipway::gateway::v2
