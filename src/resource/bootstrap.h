// What every store holds from its first start on.
#pragma once

#include "resource/resource_store.h"

namespace slipway::resource {

// The project `default` and the site `local`, if they are missing, and the index rows of data that
// an older program wrote. Blocking; before anything else is changed.
Result<void> Bootstrap(ResourceStore& store);

}  // namespace slipway::resource
