// Save: a file or folder as a package in the local store.
#pragma once

#include <string>

#include "base/file_system.h"
#include "base/result.h"
#include "model/local/local_store.h"
#include "model/package.h"

namespace slipway::model {

struct Saved {
  Package package;
  bool changed = false;  // the name is new or stood for something else
};

// Blocking. `path` is read as PackageModel reads it, and copied while it is read; what the store
// has already is read and not copied. `options.read_layer` is not used. The same errors.
Result<Saved> Save(LocalStore& store, FileSystem& files, const std::string& path,
                   const std::string& name, PackageOptions options = {});

}  // namespace slipway::model
