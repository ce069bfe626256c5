// Archives: tar, tar+gzip, tar+zstd and zip behind one interface, read in sequence with the same
// memory for any size. Regular files and folders only; owners, times, modes and attributes are not
// looked at. Nothing of what an archive says is believed before it is checked.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/file_system.h"
#include "base/result.h"
#include "model/archive/entry_names.h"

namespace slipway::model {

enum class ArchiveType : uint8_t { kTar, kTarGzip, kTarZstd, kZip };

// That of a layer, from its media type; nothing for what is no archive. `declared` are the types
// that OCI, Docker, ModelPack, KitOps and ormb give: "...tar", "...tar+gzip", "...tar.gzip".
std::optional<ArchiveType> ArchiveTypeOf(std::string_view media_type);
// That of a file, from its first bytes (at least 262 where there are so many).
std::optional<ArchiveType> RecogniseArchive(std::string_view head);

struct ArchiveEntry {
  std::string path;  // checked, and in the folder that was asked for
  bool is_folder = false;
  uint64_t size_bytes = 0;
};

// Errors of all calls, INVALID_ARGUMENT and with the entry's name where there is one: PATH_INVALID,
// ENTRY_REFUSED (a link, a device, a FIFO, a sparse or encrypted file, a path that is there
// already), ARCHIVE_INVALID (cut, damaged, something after its end), ARCHIVE_TOO_LARGE.
class ArchiveReader {
 public:
  virtual ~ArchiveReader() = default;
  // The next file or folder; nothing at the end, which is only reached when the archive is whole.
  // What was not read of the file before is skipped.
  virtual Result<std::optional<ArchiveEntry>> Next() = 0;
  // Bytes of the file that Next gave; 0 at its end.
  virtual Result<size_t> Read(char* out, size_t size) = 0;
};

// `file` and `names` outlive the reader. `folder` ("" or "a/b/") stands before all paths.
Result<std::unique_ptr<ArchiveReader>> OpenArchive(File& file, ArchiveType type, EntryNames& names,
                                                   std::string folder = {});

}  // namespace slipway::model
