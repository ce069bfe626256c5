// RemovalSteps: what is left of repositories that were deleted goes, a bounded number of rows in
// each transaction. For the .cc files of this module.
//
// The deletion itself is RepositoryWriter::DeleteRepository: after it nobody finds the repository,
// and the row `registry/removing/REPO` says that there is more to do, also after a crash. The same
// holds for many tags of a manifest that is deleted (DeleteManifest, `registry/removing/REPO@...`).
#pragma once

#include <memory>
#include <string>

#include "async/task.h"
#include "base/result.h"

namespace slipway::registry {

struct Core;

// Takes all that is left of the repository, or of tags in it, if those were deleted.
Task<Result<void>> FinishRemoval(Core& core, std::string repository);

// The same for every repository, as long as there is one.
Task<Result<void>> FinishRemovals(Core& core);

// The same again and again, until it is cancelled.
Task<void> RemoveNowAndThen(std::shared_ptr<Core> core);

}  // namespace slipway::registry
