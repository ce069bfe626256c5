// What models leave behind in the process when they have been unloaded.
#pragma once

#include <span>

#include "engine/plugin_host.h"

namespace slipway::engine {

// Loads and unloads these models in turn, 1,000 times in all: anonymous memory may grow by less
// than 5 MiB between the 100th time and the last. Fails the test that calls it otherwise.
void ExpectNothingIsLeftOf(PluginHost& host, std::span<const ModelSource> sources);

}  // namespace slipway::engine
