// The tags of a model version, for searches.
#pragma once

#include "resource/resource_store.h"

namespace slipway::registry {

// Of ModelVersions; the first kMaxSearchedTags by name.
resource::SearchPart TagsOfVersions();

}  // namespace slipway::registry
