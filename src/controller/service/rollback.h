// Going back, and trying again: what a person asks of a Service by a verb.
#pragma once

#include <vector>

#include "controller/service/plan.h"
#include "resource/resource_store.h"

namespace slipway::controller {

// The revisions of a service, newest first.
Result<std::vector<Revision>> RevisionsOf(const resource::ResourceTransaction& transaction,
                                          const resource::Metadata& service);

// What Rollback goes back to, out of `revisions`, newest first; nullptr if there is none.
const Revision* PreviousRevision(const resource::ServiceSpec& spec,
                                 const std::vector<Revision>& revisions);

// Sets spec.predictor to that of the newest revision that was loaded once and differs from what is
// asked for now; the controller makes a new revision of it. A service that followed its tag stops
// to: spec.follow is false then. Returns the changed service.
// FAILED_PRECONDITION / NO_EARLIER_REVISION.
Result<resource::Resource> Rollback(resource::ResourceTransaction& transaction,
                                    const resource::Key& service);

// Puts the latest revision, if it failed or its canary was rolled back, back to Pending: the site
// tries it anew, and its canary begins anew. Returns whether
// there was something to try.
Result<bool> Retry(resource::ResourceTransaction& transaction, const resource::Key& service);

}  // namespace slipway::controller
