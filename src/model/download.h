// Download: one blob of a registry into a file that may have a part of it already. For the .cc
// files of this module.
#pragma once

#include <string>

#include "base/file_system.h"
#include "base/result.h"
#include "model/transfers.h"
#include "oci/client.h"
#include "oci/descriptor.h"

namespace slipway::model {

// Blocking. Goes on after what the file has; when it returns, the file is the blob, verified and
// synced. After a transfer that was cut it keeps what came; bytes with a wrong digest are not kept:
// if a part was there before, everything is loaded once more. Errors begin with `shown`.
// Returns the bytes that came.
Result<uint64_t> Download(File& file, const oci::Descriptor& blob, const std::string& repository,
                          const std::string& shown, oci::Client& client, Transfers& transfers);

}  // namespace slipway::model
