// What a user's deletion of a Model, a ModelVersion or a Project means for the registry.
#pragma once

#include "registry/repository_writer.h"
#include "resource/resource_store.h"

namespace slipway::registry {

// Hangs it into the store, before that is used:
//   ModelVersion  its manifest goes, with all tags;
//   Model         its repository goes. FAILED_PRECONDITION / REPOSITORY_NOT_EMPTY if it also holds
//                 what is no model, unless with Cascade::kYes;
//   Project       its repositories without manifests go. FAILED_PRECONDITION / PROJECT_NOT_EMPTY if
//                 it has others, unless with Cascade::kYes: then they go too.
// All are refused, as `check` says, while somebody needs one of the manifests. Bytes are left to
// the collection of what nobody refers to.
void AddRemovals(resource::ResourceStore& store, CheckUnused check);

}  // namespace slipway::registry
