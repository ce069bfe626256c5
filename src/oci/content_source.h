// ContentSource: content by digest, wherever it is kept.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/digest.h"
#include "base/file_system.h"
#include "base/result.h"

namespace slipway::oci {

// Thread-safe; blocking. What is kept here was verified when it came in and never changes.
class ContentSource {
 public:
  virtual ~ContentSource() = default;
  // NOT_FOUND / BLOB_UNKNOWN. The file may be a view of memory (no descriptor).
  virtual Result<std::unique_ptr<File>> Open(const Digest& digest) = 0;
  // The path where the content is a file of its own on this machine, for hard links; else nothing.
  virtual std::optional<std::string> LocalPath(const Digest& digest) = 0;
};

// A read-only file over bytes in memory.
std::unique_ptr<File> MakeMemoryFile(std::shared_ptr<const std::string> bytes);

// All of a piece of content. FAILED_PRECONDITION / CONTENT_TOO_LARGE above the limit.
Result<std::string> ReadContent(ContentSource& source, const Digest& digest, uint64_t limit_bytes);
// All of an open file. The same error.
Result<std::string> ReadFile(File& file, uint64_t limit_bytes);

}  // namespace slipway::oci
