// Pull: the files of a model from a registry into a folder.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/package.h"
#include "model/transfers.h"
#include "oci/client.h"
#include "oci/reference.h"

namespace slipway::model {

struct Pulled {
  Digest digest;                   // of the manifest
  std::vector<std::string> files;  // paths under the folder
  uint64_t bytes_downloaded = 0;   // files that were there with the same content are not loaded
};

// Blocking. Every file is loaded aside (NAME.slipway-partial, gone on with where it was cut),
// verified, and renamed: a file of the folder is whole or not there. Archives are loaded into
// `.slipway-partial/` and unpacked there, all of them before any of their files appears; what their
// tool exports beside them (ormbfile.yaml, Kitfile) is written, too. Errors: what the registry
// answered; INVALID_ARGUMENT / PATH_INVALID or ENTRY_REFUSED names a layer or an entry that would
// leave the folder, or two with one path; those of archives (archive/archive.h).
Result<Pulled> Pull(FileSystem& files, const oci::Reference& from, oci::Client& client,
                    const std::string& folder, const TransferOptions& options = {});

}  // namespace slipway::model
