// Push: a package to a registry, only what is not there yet.
#pragma once

#include <cstdint>

#include "model/package.h"
#include "model/transfers.h"
#include "oci/client.h"
#include "oci/reference.h"

namespace slipway::model {

struct Pushed {
  Digest digest;                // of the manifest
  bool changed = false;         // the tag is new or pointed elsewhere
  uint64_t bytes_uploaded = 0;  // of layers; what the registry had is not sent
};

// Blocking. Layers first, then the config, then the manifest under the reference's tag (under its
// digest, if it has no tag): nobody ever sees a manifest whose content is not there. A file that
// changed since it was packaged is refused by the registry.
Result<Pushed> Push(FileSystem& files, const Package& package, const oci::Reference& to,
                    oci::Client& client, const TransferOptions& options = {});

}  // namespace slipway::model
