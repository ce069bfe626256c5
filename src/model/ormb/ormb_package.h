// ormb's artifact: one tar+gzip layer with the folder model/, the metadata as config, and a
// manifest without the members that OCI got later. Source: what ormb itself writes.
#pragma once

#include "base/result.h"
#include "model/package.h"

namespace slipway::model {

// Leaves of the package's files what ormb packs: those in model/, or, where there is no such
// folder, all but the metadata, as if they were in it. Sorted as ormb walks.
void KeepOrmbFiles(Package& package);
// Format (stated, or inferred) and layout are checked: ORMB_FORMAT, ORMB_LAYOUT.
Result<void> PlanOrmb(Package& package);
void FinishOrmb(Package& package);

}  // namespace slipway::model
