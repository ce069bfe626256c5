#include "resource/kinds/token.h"

namespace slipway::resource {
namespace {

Result<void> Validate(const Resource& now, const Resource* old) {
  TRY(status, Decode<TokenStatus>(now.status, "status", UnknownFields::kIgnore));
  if (old == nullptr && status.id.empty()) {
    return FailedPrecondition("TOKEN_NEEDS_SECRET",
                              "a token is made by POST, which answers its secret");
  }
  TRY(spec, Decode<TokenSpec>(now.spec, "spec"));
  if (!spec.service.empty() && spec.project.empty()) {
    return InvalidArgument("FIELD_REQUIRED",
                           "spec.project: a token for one service names its project too")
        .With("field", "spec.project");
  }
  bool of_service = !spec.service.empty();
  if (of_service && spec.role != TokenRole::kViewer) {
    return InvalidArgument("FIELD_RANGE", "spec.role: a token for one service is a viewer")
        .With("field", "spec.role");
  }
  return {};
}

}  // namespace

KindInfo TokenKind() {
  return {.kind = "Token",
          .plural = "tokens",
          .singular = "token",
          .global = true,
          .spec_immutable = true,
          .spec = &TypeOf<TokenSpec>(),
          .status = &TypeOf<TokenStatus>(),
          .text = Description<TokenSpec>::kText,
          .validate = &Validate};
}

}  // namespace slipway::resource
