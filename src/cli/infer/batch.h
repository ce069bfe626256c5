// Offline inference: every request of a file or folder, in parallel, into a file of answers.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"
#include "cli/client.h"

namespace slipway::cli {

struct BatchOptions {
  std::string input;
  std::string output;
  size_t jobs = 4;
  std::string url;  // of infer
};

// Goes on where an earlier run with the same files was cut. A request that the service refuses is a
// line of the output; INTERNAL / BATCH_FAILED at the end if there was one. What would be refused
// for all (no access, no such service) ends it, and so does a data plane that stays away: what was
// answered is kept.
Result<void> RunBatch(Client& client, const BatchOptions& options);

}  // namespace slipway::cli
