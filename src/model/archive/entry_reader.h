// EntryReader: what the reader of one kind of archive gives to archive.cc, which checks it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/file_system.h"
#include "base/result.h"
#include "model/archive/byte_source.h"

namespace slipway::model {

// As the archive states it: the name is any bytes. Kinds of entries that are never taken are
// refused by the reader itself.
struct StatedEntry {
  std::string name;
  bool is_folder = false;
  uint64_t size_bytes = 0;
};

class EntryReader {
 public:
  virtual ~EntryReader() = default;
  virtual Result<std::optional<StatedEntry>> Next() = 0;
  virtual Result<size_t> Read(char* out, size_t size) = 0;
};

// ustar, PAX and GNU tar. Takes the end of the source for the end of the archive without the two
// blocks of zeros that should be there if `end_is_checked`: a compressed stream knows its end.
std::unique_ptr<EntryReader> MakeTarReader(std::unique_ptr<ByteSource> bytes, bool end_is_checked);

// Reads the directory at the end of the file first. `file` outlives the reader.
Result<std::unique_ptr<EntryReader>> OpenZip(File& file);

}  // namespace slipway::model
