// How much room is left where the data is.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace slipway {

// Bytes that this user may still write on the file system of `path`, which exists. Blocking.
Result<uint64_t> FreeDiskBytes(const std::string& path);

}  // namespace slipway
