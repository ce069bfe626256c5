// What every store holds from its first start on.
#pragma once

#include "resource/resource_store.h"

namespace slipway::resource {

// The project `default` and the site `local`, if they are missing. Blocking.
Result<void> Bootstrap(ResourceStore& store);

}  // namespace slipway::resource
