// Where this program and what belongs to it lie.
#pragma once

#include <string>

#include "base/result.h"

namespace slipway::server {

// The absolute path of the running program, which after an upgrade on disk is the new one's.
Result<std::string> ExecutablePath();
// The folder of the plugins: BIN/../lib/slipway.
std::string PluginFolder(const std::string& executable);

}  // namespace slipway::server
