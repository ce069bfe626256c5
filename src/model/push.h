// Push: a package, or what is kept here, to a registry: only what is not there yet.
#pragma once

#include <cstdint>

#include "model/package.h"
#include "model/transfers.h"
#include "oci/artifact.h"
#include "oci/client.h"
#include "oci/content_source.h"
#include "oci/reference.h"

namespace slipway::model {

struct Pushed {
  Digest digest;                // of the manifest
  bool changed = false;         // the tag is new or pointed elsewhere, or content was missing
  uint64_t bytes_uploaded = 0;  // of layers; what the registry had, also parts, is not sent
};

// Blocking. Layers first, then the config, then the manifest under the reference's tag (under its
// digest, if it has no tag): nobody ever sees a manifest whose content is not there. A file that
// changed since it was packaged is refused by the registry. Where the tag is this already, content
// that the registry lost is sent again.
Result<Pushed> Push(FileSystem& files, const Package& package, const oci::Reference& to,
                    oci::Client& client, const TransferOptions& options = {});

// The same for an artifact whose content is at hand, byte for byte: children before the manifest
// that names them. DATA_LOSS / CONTENT_DAMAGED names content that is not what its digest says.
Result<Pushed> PushArtifact(oci::ContentSource& content, const oci::Artifact& artifact,
                            const oci::Reference& to, oci::Client& client,
                            const TransferOptions& options = {});

}  // namespace slipway::model
