// Where the control centre keeps what it knows of a model version.
#pragma once

#include <string>

#include "base/result.h"
#include "cli/client.h"

namespace slipway::cli {

// "/api/v1/projects/P/modelversions/NAME" of NAME:TAG or NAME@DIGEST on the registry of the
// context. Asks that registry what a tag points at. INVALID_ARGUMENT / REFERENCE_INVALID for a
// reference with another host; NOT_FOUND.
Result<std::string> VersionPath(Client& client, const std::string& reference);

}  // namespace slipway::cli
