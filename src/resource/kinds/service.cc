#include "resource/kinds/service.h"

namespace slipway::resource {
namespace {

// `/v2/models/stats` is a route of the inference protocol.
constexpr std::string_view kReservedName = "stats";

Result<void> ValidateService(const Resource& now, const Resource*) {
  if (now.metadata.name != kReservedName) return {};
  return InvalidArgument("FIELD_FORMAT",
                         "metadata.name: stats is a route of the inference protocol; take another")
      .With("field", "metadata.name");
}

}  // namespace

KindInfo ServiceKind() {
  return {.kind = "Service",
          .plural = "services",
          .singular = "service",
          .spec = &TypeOf<ServiceSpec>(),
          .status = &TypeOf<ServiceStatus>(),
          .text = Description<ServiceSpec>::kText,
          .validate = &ValidateService};
}

KindInfo RevisionKind() {
  return {.kind = "Revision",
          .plural = "revisions",
          .singular = "revision",
          .user_writable = false,
          .spec_immutable = true,
          .spec = &TypeOf<RevisionSpec>(),
          .status = &TypeOf<RevisionStatus>(),
          .text = Description<RevisionSpec>::kText};
}

}  // namespace slipway::resource
