// Which manifest needs a blob.
#pragma once

#include <optional>
#include <string>

#include "base/digest.h"
#include "base/result.h"
#include "store/meta/meta_store.h"
#include "store/object/object_store.h"

namespace slipway::registry {

// A manifest of the canonical `repository` that names the blob as its config, a layer or a child,
// if there is one. Reads all manifests of the repository, kManifestsPerPage at a time; blocking,
// for manifests above kMaxInlineBytes are files of the object store. One that cannot be read or
// parsed counts as not naming it: nobody could pull by it.
Result<std::optional<Digest>> FindBlobUser(const store::Snapshot& snapshot,
                                           store::ObjectStore& objects,
                                           const std::string& repository, const Digest& blob);

}  // namespace slipway::registry
