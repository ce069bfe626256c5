// Fetch: an artifact from a registry into the local store, byte for byte, whatever it is.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "model/local/local_store.h"
#include "model/transfers.h"
#include "oci/artifact.h"
#include "oci/client.h"
#include "oci/reference.h"

namespace slipway::model {

struct Fetched {
  oci::Artifact artifact;
  bool changed = false;           // the name is new or stood for something else
  uint64_t bytes_downloaded = 0;  // what is here already, and undamaged, is not loaded
};

// Blocking. Several blobs at a time; what was cut is gone on with by the next try, of another
// program too. `name` is that in the store. Nothing of it is there before all of it is. Errors:
// what the registry answered; those of oci::ReadArtifact.
Result<Fetched> Fetch(LocalStore& store, const oci::Reference& from, oci::Client& client,
                      const std::string& name, const TransferOptions& options = {});

}  // namespace slipway::model
