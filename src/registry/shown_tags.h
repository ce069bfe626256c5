// The tags of Models and ModelVersions for those who look: out of the registry's own rows, because
// what is written with every push must not grow with them.
#pragma once

#include "resource/resource_store.h"

namespace slipway::registry {

// Hangs it into the store, before that is used: `tags` and `tagsCut` of the status.
void AddShownTags(resource::ResourceStore& store);

}  // namespace slipway::registry
