// LayerContent: the bytes of a package's layer, made of files as they are read.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "model/package.h"

namespace slipway::model {

// Not thread-safe: one for each transfer. One file is open at a time.
class LayerContent {
 public:
  // All outlive it.
  LayerContent(FileSystem& files, const Package& package, const PackageLayer& layer);

  // `size` bytes at `offset`, fewer only at the end. FAILED_PRECONDITION / FILE_CHANGED,
  // LINK_REFUSED as OpenCollected.
  Result<size_t> Read(uint64_t offset, char* out, size_t size);
  // FILE_CHANGED if the file that was read last is another now.
  Result<void> CheckUnchanged();

 private:
  Result<size_t> ReadParts(uint64_t offset, char* out, size_t size);
  Result<size_t> ReadGzip(uint64_t offset, char* out, size_t size);
  Result<File*> OpenFile(size_t index);

  FileSystem& files_;
  const Package& package_;
  const PackageLayer& layer_;
  std::vector<uint64_t> ends_;  // of each part
  size_t open_index_ = LayerPart::kNoFile;
  std::unique_ptr<File> open_;
};

// All bytes of a layer, in order; an error ends the work.
using LayerBytes = std::function<Result<void>(std::string_view bytes)>;

// Digest and size of the layer, and of its files, by reading all of them once. `take`, if there is
// one, gets the bytes that the digest is of.
Result<void> HashLayer(FileSystem& files, Package& package, PackageLayer& layer,
                       const Progress& progress, const LayerBytes& take = {});

// The size that HashLayer will find, without reading.
uint64_t PlannedBytes(const Package& package, const PackageLayer& layer);

}  // namespace slipway::model
