// ModelZip: a stored model as a zip that is made while it is read.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "klever/download/model_files.h"
#include "model/archive/zip_writer.h"
#include "oci/content_source.h"
#include "oci/manifest.h"

namespace slipway::klever {

// TOP/model/... with the files and TOP/ormbfile.yaml with the metadata in ormb's words. Checksums
// stand before the content, as readers that work on a stream want them: so everything is read
// twice. Blocking, not thread-safe. Errors: those of ModelFiles; ENTRY_REFUSED if two files would
// get one path.
class ModelZip {
 public:
  // `content` outlives it. `config` is that of the manifest.
  ModelZip(oci::ContentSource& content, oci::Manifest manifest, std::string config, std::string top,
           std::string ormb_file);

  // Reads the next `max_bytes` or so, for names, sizes and checksums: true when all is known.
  Result<bool> Measure(uint64_t max_bytes);
  // After that: the size of the zip, and its bytes in sequence; 0 at its end.
  uint64_t size_bytes() const { return size_bytes_; }
  Result<size_t> Read(char* out, size_t size);

 private:
  Result<void> Rewind();
  // The path in the zip of a file of the package.
  Result<std::string> Place(const std::string& path);
  void Add(std::string path, uint64_t size_bytes, uint32_t crc);
  void Finish();
  // What comes next that is no content of a file, into pending_.
  Result<void> Advance();
  Result<size_t> ReadContent(char* out, size_t size);

  oci::ContentSource& content_;
  const oci::Manifest manifest_;
  const std::string config_;
  const std::string top_;
  const std::string ormb_file_;
  model::EntryNames names_;
  std::vector<model::ZipEntry> entries_;  // ormbfile.yaml is the last one
  uint64_t size_bytes_ = 0;
  uint64_t directory_at_ = 0;

  std::unique_ptr<ModelFiles> files_;
  std::optional<model::ZipEntry> measuring_;  // the file that Measure is in
  size_t next_ = 0;                           // entry that Advance begins
  uint64_t left_ = 0;                         // bytes of content of the entry before
  std::string pending_;                       // headers, and other bytes that are made here
  size_t pending_at_ = 0;                     // of pending_, what was read
  bool has_end_ = false;
};

}  // namespace slipway::klever
