// ByteSource: bytes in sequence, unpacked on the way. What the readers of archives stand on: they
// use the same memory for any size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/file_system.h"
#include "base/result.h"

namespace slipway::model {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Up to `size` bytes; 0 only at the end. After an error the source is of no more use.
  virtual Result<size_t> Read(char* out, size_t size) = 0;
};

// What came out of how much in all archives of one package.
struct UnpackBudget {
  uint64_t packed_bytes = 0;
  uint64_t unpacked_bytes = 0;
};

enum class Compression : uint8_t { kNone, kGzip, kZstd };

// The bytes of `file`, which outlives the source, as does `budget`. With compression: of the
// members or frames in it, one after the other. INVALID_ARGUMENT / ARCHIVE_INVALID for what is cut,
// damaged, or followed by anything else; ARCHIVE_TOO_LARGE beyond kMaxArchiveRatio in all of the
// budget.
std::unique_ptr<ByteSource> ReadBytes(File& file, Compression compression, UnpackBudget& budget);

// Reads `size` bytes unless the source ends before; the count is returned.
Result<size_t> ReadFully(ByteSource& source, char* out, size_t size);

}  // namespace slipway::model
