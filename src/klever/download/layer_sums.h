// LayerSums: which files are in layers, with sizes and checksums, as it was found when they were
// read: what is needed to make a zip of them without reading them once more.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/guarded.h"
#include "klever/download/model_files.h"
#include "model/layer_files.h"

namespace slipway::klever {

struct FileSum {
  uint64_t size_bytes = 0;
  uint32_t crc = 0;  // CRC-32 of zip
  std::string path;  // in the package
};
using FileSums = std::vector<FileSum>;

// Thread-safe. By the layer's digest, so what is kept is never out of date; at most `max_bytes` or
// so of what was asked for lately.
class LayerSums {
 public:
  explicit LayerSums(size_t max_bytes) : max_bytes_(max_bytes) {}

  // All files of the layer, in order; nothing if they are not known (any more).
  std::shared_ptr<const FileSums> Find(const model::LayerFile& layer);
  void Keep(const model::LayerFile& layer, std::shared_ptr<const FileSums> sums);

 private:
  // When the young generation is full, the old one is forgotten.
  struct Generations {
    std::map<std::string, std::shared_ptr<const FileSums>> young;
    std::map<std::string, std::shared_ptr<const FileSums>> old;
    size_t young_bytes = 0;
  };
  void Insert(Generations& kept, const std::string& key, std::shared_ptr<const FileSums> sums);

  const size_t max_bytes_;
  Guarded<Generations> kept_;
};

// Reads layers for their sums alone. Blocking, not thread-safe.
class LayerMeasure {
 public:
  explicit LayerMeasure(std::unique_ptr<ModelFiles> files) : files_(std::move(files)) {}

  // Reads on for `max_bytes` or so; nullptr: it is not at the layer's end yet.
  Result<std::shared_ptr<const FileSums>> Step(size_t layer, uint64_t max_bytes);

 private:
  Result<bool> ReadFile(uint64_t& left);

  const std::unique_ptr<ModelFiles> files_;
  std::optional<size_t> layer_;  // that is read
  FileSums found_;
  bool in_file_ = false;  // the last of found_
  std::string piece_;
};

}  // namespace slipway::klever
