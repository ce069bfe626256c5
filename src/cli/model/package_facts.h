// What a package says of itself, wherever it is: for comparing and searching.
#pragma once

#include <memory>
#include <string>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/result.h"
#include "cli/client.h"
#include "cli/model/archive_files.h"
#include "model/local/local_store.h"
#include "model/metadata/read_metadata.h"
#include "oci/client.h"

namespace slipway::cli {

struct PackageFacts {
  std::string name;  // as it was asked for
  std::string digest;
  Json files;      // by path: {digest, sizeBytes}
  Json metadata;   // all of it, as the package has it
  Json signature;  // {inputs, outputs}, each by name: {datatype, shape}; null: not known
  PackageArchives archives = {};  // whose rows in `files` are not expanded yet
};

// Small content of a store, or of a repository of a registry, for who reads metadata.
model::FetchContent FetchFrom(model::LocalStore& store);
model::FetchContent FetchFrom(oci::Client& client, const std::string& repository);

Result<PackageFacts> FactsOfLocal(std::shared_ptr<model::LocalStore> store,
                                  const std::string& name);
// From any registry. The signature is what the control centre read, of other registries' models
// what their authors state.
Result<PackageFacts> FactsOfRemote(Client& client, const std::string& reference);

}  // namespace slipway::cli
