// Merge patches (RFC 7396) of one resource.
#pragma once

#include "base/json.h"
#include "base/result.h"
#include "resource/resource_transaction.h"

namespace slipway::resource {

// `now` with the patch of labels, annotations and spec applied. metadata.uid and version are those
// that the patch states. The values of a Secret are merged with those that are kept apart, inside
// `transaction`: the ones that the patch does not name stay, null takes one away. DATA_LOSS /
// SECRET_UNREADABLE if they cannot be read, which only a PUT of all values mends; else errors as of
// ResourceFromUser.
Result<Resource> MergePatched(const ResourceTransaction& transaction, const KindInfo& kind,
                              const Resource& now, const Json& patch);

}  // namespace slipway::resource
