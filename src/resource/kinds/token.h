// Token: a role in a project, for whoever holds its secret. The secret is shown once, when the
// token is made, and never kept; resource/token_store.h keeps its hash.
#pragma once

#include <optional>
#include <string>

#include "resource/kinds.h"
#include "routing/call_limits.h"

namespace slipway::resource {

enum class TokenRole : uint8_t { kViewer, kEditor, kAdmin, kSite, kPackager };
BOOST_DESCRIBE_ENUM(TokenRole, kViewer, kEditor, kAdmin, kSite, kPackager)

struct TokenSpec {
  TokenRole role = TokenRole::kViewer;
  std::string project;                        // empty: all projects
  std::string service;                        // not empty: inference on this service only
  std::string expires_at;                     // RFC 3339; empty: never
  std::optional<routing::CallLimits> limits;  // of inference
};
BOOST_DESCRIBE_STRUCT(TokenSpec, (), (role, project, service, expires_at, limits))

struct TokenStatus : StatusBase {
  std::string id;
};
BOOST_DESCRIBE_STRUCT(TokenStatus, (StatusBase), (id))

KindInfo TokenKind();

}  // namespace slipway::resource

template <>
struct slipway::Description<slipway::resource::TokenSpec> {
  static constexpr std::string_view kText = "A role in a project, for whoever holds its secret.";
  static constexpr FieldText kFields[] = {
      {.name = "role", .text = "What it allows.", .required = true},
      {.name = "project", .text = "The only project that it is for; empty: all.", .format = "name"},
      {.name = "service",
       .text = "The only service that it may call, and nothing else.",
       .format = "name"},
      {.name = "expires_at",
       .text = "When it ends, RFC 3339; empty: never.",
       .format = "date-time"},
      {.name = "limits",
       .text = "How much whoever holds it may infer, on all services together. Default: as much as "
               "they can."},
  };
};

template <>
struct slipway::Description<slipway::resource::TokenStatus> {
  static constexpr std::string_view kText = "What is known of a token.";
  static constexpr FieldText kFields[] = {
      {.name = "id", .text = "The part of the token that is no secret: slw_<id>_..."},
  };
};
