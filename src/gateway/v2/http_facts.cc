#include "gateway/v2/http_facts.h"

#include <utility>

namespace slipway::gateway::v2 {

std::string_view HttpFacts::Keep(std::string text) {
  return kept_.emplace_front(std::move(text));
}

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
  std::optional<std::string> value = request_.Query(name);
  if (!value) return std::nullopt;
  return Keep(*std::move(value));
}

std::optional<std::string_view> HttpFacts::Body(const routing::BodyField& field) {
  if (!is_open_) body_.Open(json_);
  is_open_ = true;
  return body_.Find(field);
}

}  // namespace slipway::gateway::v2
