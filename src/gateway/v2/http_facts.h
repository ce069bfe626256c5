// HttpFacts: what traffic rules may ask of a request over REST.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/http_message.h"
#include "routing/json_body.h"
#include "routing/request_facts.h"

namespace slipway::gateway::v2 {

// Costs nothing until it is asked, and decodes each part once. `body` is open for `json` from the
// first question about it on.
class HttpFacts final : public routing::RequestFacts {
 public:
  // `json` is followed by routing::kJsonPadding readable bytes; empty: the body is no JSON.
  HttpFacts(const net::HttpRequest& request, std::string_view json, routing::JsonBody& body)
      : request_(request), json_(json), body_(body) {}
  // Memory that a large body took goes back.
  ~HttpFacts() override {
    if (is_open_) body_.Open({});
  }
  HttpFacts(const HttpFacts&) = delete;
  HttpFacts& operator=(const HttpFacts&) = delete;

  std::optional<std::string_view> Header(std::string_view name) override;
  std::optional<std::string_view> Path() override;
  std::optional<std::string_view> Query(std::string_view name) override;
  std::optional<std::string_view> Body(const routing::BodyField& field) override;

 private:
  const net::HttpRequest& request_;
  const std::string_view json_;
  routing::JsonBody& body_;
  bool is_open_ = false;
  std::optional<std::optional<std::string>> path_;
  std::optional<std::vector<std::pair<std::string, std::string>>> query_;
};

}  // namespace slipway::gateway::v2
