// Which models are needed by services.
#pragma once

#include <optional>
#include <string>

#include "base/digest.h"
#include "resource/resource_transaction.h"

namespace slipway::controller {

// A registry::CheckUnused. FAILED_PRECONDITION / MODEL_IN_USE names a service that serves this
// manifest (without a digest: any of the repository), is about to, or would go back to it on a
// rollback. Looks at all services: for deletions, which are rare.
Result<void> CheckModelUnused(resource::ResourceTransaction& transaction,
                              const std::string& repository, const std::optional<Digest>& digest);

}  // namespace slipway::controller
