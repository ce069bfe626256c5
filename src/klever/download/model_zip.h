// ModelZip: a stored model as a zip that is made while it is read.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "klever/download/layer_sums.h"
#include "klever/download/model_files.h"
#include "model/archive/zip_writer.h"
#include "oci/content_source.h"
#include "oci/manifest.h"

namespace slipway::klever {

struct ZipContent {
  oci::Manifest manifest;
  std::string config;     // that of the manifest
  std::string top;        // the folder in the zip that all is in
  std::string ormb_file;  // content of TOP/ormbfile.yaml
};

// TOP/model/... with the files and TOP/ormbfile.yaml with the metadata in ormb's words. The same
// ZipContent gives the same bytes each time, so one may go on where another was cut. Content is
// read once: checksums stand behind it. Blocking, not thread-safe, the same memory for any size of
// the files. Errors: those of ModelFiles; ENTRY_REFUSED if two files would get one path.
class ModelZip {
 public:
  // `content` and `sums` outlive it.
  static Result<std::unique_ptr<ModelZip>> Open(oci::ContentSource& content, LayerSums& sums,
                                                ZipContent what);

  // Nothing as long as an archive in the model has to be unpacked to know it.
  const std::optional<uint64_t>& size_bytes() const { return size_bytes_; }
  // Before Skip and Read: unpacks the next `max_bytes` or so of those archives; true when the size
  // is known.
  Result<bool> Measure(uint64_t max_bytes);

  // Leaves out bytes and reads as little as it can for that, `max_bytes` or so at most: returns how
  // many are still to be left out. The size is known, and not passed.
  Result<uint64_t> Skip(uint64_t count, uint64_t max_bytes);
  // The next bytes; fewer than `size` only at the end.
  Result<size_t> Read(char* out, size_t size);

 private:
  ModelZip(oci::ContentSource& content, LayerSums& sums, ZipContent what)
      : content_(content), sums_(sums), what_(std::move(what)) {}

  struct Layer {
    model::LayerFile file;
    std::shared_ptr<const FileSums> sums;  // nullptr: not known
    bool has_sizes() const { return sums || !file.archive; }
  };

  // Lays all entries out, when the sizes of all files are known.
  Result<void> Plan();
  Result<void> AddFile(const std::string& path, uint64_t size_bytes);
  void AddEntry(std::string path, uint64_t size_bytes);
  // What comes next that is no content of a file, into pending_.
  Result<void> Advance();
  Result<void> AdvanceInLayer();
  Result<void> EndFile();
  void EndLayer();
  Result<size_t> ReadContent(char* out, size_t size);
  void BeginBlock();
  // Leaves out `count` bytes of the archive or fewer, headers of blocks among them, without reading
  // them; 0 where that cannot be.
  uint64_t SkipBlocks(uint64_t count);
  // The checksum of the file that is read, if it was known before.
  const uint32_t* KnownCrc() const;
  // Leaves out the layer that comes next, if all of it is known and within `count` bytes.
  bool LeaveOutLayer(uint64_t& count);

  oci::ContentSource& content_;
  LayerSums& sums_;
  const ZipContent what_;
  std::vector<Layer> layers_;
  std::unique_ptr<LayerMeasure> measure_;
  size_t measured_ = 0;  // layers that it is done with

  model::EntryNames names_;
  std::vector<model::ZipEntry> entries_;  // all when size_bytes_ is known, else those begun
  uint64_t entries_end_ = 0;
  std::optional<uint64_t> size_bytes_;

  std::unique_ptr<ModelFiles> files_;
  size_t layer_ = 0;  // that is read, or comes next
  bool in_layer_ = false;
  FileSums found_;   // of the layer that is read
  size_t next_ = 0;  // entry that comes next
  bool in_file_ = false;
  bool is_whole_ = false;    // all of the file before was read, none left out
  uint64_t left_ = 0;        // bytes of the file
  uint64_t block_left_ = 0;  // those of them up to the next header of a block
  uint32_t crc_ = 0;
  std::string pending_;    // headers, and other bytes that are made here
  size_t pending_at_ = 0;  // of pending_, what was read
  bool has_ormb_file_ = false;
  bool has_end_ = false;
};

}  // namespace slipway::klever
