// What a service's status says of its traffic, and what the routing knows of its revisions.
#pragma once

#include <vector>

#include "controller/service/plan.h"
#include "resource/envelope.h"
#include "routing/shares.h"

namespace slipway::controller {

// The revisions as candidates, as far as the control centre knows them.
std::vector<routing::Candidate> CandidatesOf(const std::vector<Revision>& revisions);

// The condition `Traffic`: True when every revision that is named is ready; its message has the
// shares of the default route as they are. REVISIONS_READY, REVISION_NOT_READY.
resource::Condition TrafficCondition(const routing::TrafficSpec& traffic,
                                     const std::vector<Revision>& revisions);

// Whether the default route gives that revision a share, by what is asked for.
bool HasShare(const routing::TrafficSpec& traffic, int64_t revision);

}  // namespace slipway::controller
