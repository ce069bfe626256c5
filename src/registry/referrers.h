// Referrers: the manifests of a repository that name a digest as their subject (distribution-spec,
// "Listing Referrers").
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "oci/descriptor.h"
#include "registry/rows.h"
#include "store/meta/meta_store.h"
#include "store/object/object_store.h"

namespace slipway::registry {

// Whether clients keep a list of referrers under this tag, for registries that have none: the
// subject's digest with a dash, its digits cut to 64.
bool IsFallbackTag(std::string_view tag);

// What the row of a referrer says: all that the list tells of it, where that is not too long.
std::string EncodeReferrer(const Digest& digest, const ManifestRow& row,
                           const oci::Annotations& annotations);

struct ReferrerPage {
  std::vector<std::string> descriptors;  // as JSON
  std::string next;  // digest after which the next page begins; empty on the last
};

// In the order of their digests, after `last`: those whose subject says so, and those that an old
// client listed under the fallback tag and that are there. Manifests that cannot be read are left
// out, and noted in the log. `artifact_type` empty: all. A page ends after what limits.h allows,
// also where a filter lets nothing through. Blocking: may read manifests from files.
Result<ReferrerPage> ListReferrers(const store::Snapshot& snapshot, store::ObjectStore& objects,
                                   const std::string& repository, const Digest& subject,
                                   std::string_view artifact_type, std::string_view last);

}  // namespace slipway::registry
