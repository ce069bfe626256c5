// RegistryContent: the bytes of the registry by their sha256, whether they are rows of the database
// or files of the object store.
#pragma once

#include <memory>

#include "oci/content_source.h"
#include "store/meta/meta_store.h"
#include "store/object/object_store.h"

namespace slipway::registry {

// Knows objects, not repositories: who hands it on decides what may be asked of it. Both stores
// outlive it. Reads block.
std::unique_ptr<oci::ContentSource> MakeRegistryContent(store::MetaStore& meta,
                                                        store::ObjectStore& objects);

}  // namespace slipway::registry
