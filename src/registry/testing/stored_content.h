// What is kept in the stores of a registry, for tests of what may go and what may not.
#pragma once

#include <set>
#include <string>

#include "registry/testing/registry_fixture.h"

namespace slipway::registry {

// Keys of the database with this prefix, without it.
std::set<std::string> KeysWith(store::MetaStore& meta, const std::string& prefix);
// Digests of all objects, rows and files.
std::set<std::string> ObjectsOf(RegistryStores& stores);
// A collection from beginning to end.
CollectionReport CollectAll(Registry& registry, bool dry_run = false);

}  // namespace slipway::registry
