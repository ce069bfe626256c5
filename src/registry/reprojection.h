// Reprojection: versions that an older program pushed learn to tell what this program reads of
// their metadata. For the .cc files of this module.
//
//   registry/projection           kProjection once every version tells it
//   registry/projection-progress  the last manifest whose version does, while there are more
#pragma once

#include <memory>

#include "async/task.h"
#include "base/result.h"

namespace slipway::registry {

struct Core;

// A few versions in each transaction, from where it was cut off; their phases and signatures stay.
// At once if there is nothing to do. What cannot be read (missing, damaged, no manifest) is left as
// it is; after another error the next call goes on there.
Task<Result<void>> Reproject(Core& core);

// The same, again after an error, until it is done or cancelled.
Task<void> ReprojectInTime(std::shared_ptr<Core> core);

}  // namespace slipway::registry
