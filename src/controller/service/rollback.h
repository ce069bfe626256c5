// Going back, and trying again: what a person asks of a Service by a verb.
#pragma once

#include "resource/resource_store.h"

namespace slipway::controller {

// Sets spec.predictor to that of the newest revision that was loaded once and differs from what is
// asked for now; the controller makes a new revision of it. Returns the changed service.
// FAILED_PRECONDITION / NO_EARLIER_REVISION.
Result<resource::Resource> Rollback(resource::ResourceTransaction& transaction,
                                    const resource::Key& service);

// Puts the latest revision, if it failed, back to Pending: the site tries it anew. Returns whether
// there was something to try.
Result<bool> Retry(resource::ResourceTransaction& transaction, const resource::Key& service);

}  // namespace slipway::controller
