// What this program itself puts into a repository, as a client would with uploads and a PUT.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/result.h"

namespace slipway::registry {

// Content that is on its way into the registry. `read` gives up to `size` bytes at `offset`, fewer
// only at the end; it blocks, and is called in order from the first byte to the last.
struct NewBlob {
  Digest digest;
  uint64_t size_bytes = 0;
  std::function<Result<size_t>(uint64_t offset, char* out, size_t size)> read;
};

struct NewArtifact {
  std::vector<NewBlob> blobs;  // those that the manifest names and that may not be there yet
  std::string manifest;
  std::vector<std::string> tags;  // that shall point at it
};

}  // namespace slipway::registry
