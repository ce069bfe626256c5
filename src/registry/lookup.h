// Lookup: what other modules read of the registry, usable inside transactions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/result.h"
#include "registry/rows.h"
#include "store/meta/meta_store.h"
#include "store/object/object_store.h"

namespace slipway::registry {

// The manifest digest that the tag points at now, or nothing. `repository` may have one segment.
Result<std::optional<Digest>> ResolveTag(const store::Snapshot& snapshot,
                                         std::string_view repository, std::string_view tag);

// The bytes of a manifest as they were pushed. NOT_FOUND / MANIFEST_UNKNOWN, also for damaged ones.
// Manifests above kMaxInlineBytes are read from the object store: call it on the blocking pool.
Result<std::string> ReadManifestBytes(const store::Snapshot& snapshot, store::ObjectStore& objects,
                                      std::string_view repository, const Digest& digest);

// The bytes of an object from the database, or nothing if it is a file of the object store.
Result<std::optional<std::string>> ReadInlineObject(const store::Snapshot& snapshot,
                                                    const Digest& object);

Error UnknownManifest(std::string_view repository, std::string_view selector);
Error UnknownBlob(std::string_view repository, const Digest& digest);

}  // namespace slipway::registry
