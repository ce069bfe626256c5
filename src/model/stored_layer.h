// Layers of content that is here: opened, checked, copied, extracted. For the .cc files of this
// module.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "model/archive/archive.h"
#include "model/layer_files.h"
#include "oci/content_source.h"
#include "oci/manifest.h"

namespace slipway::model {

// Called now and then with the bytes that were written so far; an error ends the work.
using WriteCheck = std::function<Result<void>(uint64_t written_bytes)>;

// The layer's content. DATA_LOSS / UNPACK_SIZE if it has another size than the manifest states.
Result<std::unique_ptr<File>> OpenLayer(oci::ContentSource& content, const oci::Descriptor& layer);

// DATA_LOSS / CONTENT_DAMAGED, with the detail "digest", if the bytes are not those of the
// descriptor. Reads all of them.
Result<void> CheckContent(File& file, const oci::Descriptor& what);
// Takes the first `size_bytes` of the file into the hasher; fewer where it ends before.
Result<void> HashFile(File& file, uint64_t size_bytes, Hasher& hasher);

struct WriteOptions {
  int file_mode = 0444;
  bool verify = false;  // while it is read: CONTENT_DAMAGED
  WriteCheck check;
};

// Copies a raw layer to a new file below the folder `root`, which is synced; its folder is there.
Result<void> CopyLayer(FileSystem& files, File& from, const oci::Descriptor& layer,
                       const std::string& to, const std::string& root, const WriteOptions& options);
// What the layer's archive holds, into the folder. The paths of the files.
Result<std::vector<std::string>> ExtractLayer(FileSystem& files, File& from, const LayerFile& layer,
                                              EntryNames& names, const std::string& root,
                                              const WriteOptions& options);

// The config where LayerFiles or ExportedMetadata need it, else nothing; and the files of the
// layers.
struct StoredLayers {
  std::string config;
  std::vector<LayerFile> layers;
  EntryNames names;
};
Result<StoredLayers> ReadStoredLayers(oci::ContentSource& content, const oci::Manifest& manifest);

// For people: its path, or "layer 0123456789ab".
std::string ShownLayer(const oci::Descriptor& layer);

}  // namespace slipway::model
