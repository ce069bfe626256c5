#include "resource/kinds/site.h"

namespace slipway::resource {
namespace {

Result<void> ValidateDelete(const Resource& resource) {
  if (resource.metadata.name != kLocalSite) return {};
  return FailedPrecondition("SITE_NEEDED", "the site local is this machine and cannot be deleted");
}

}  // namespace

KindInfo SiteKind() {
  return {.kind = "Site",
          .plural = "sites",
          .singular = "site",
          .global = true,
          .spec = &TypeOf<SiteSpec>(),
          .status = &TypeOf<SiteStatus>(),
          .text = Description<SiteSpec>::kText,
          .validate_delete = &ValidateDelete};
}

}  // namespace slipway::resource
