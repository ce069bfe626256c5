// FileLock: a lock on an open file that other processes see (flock). The kernel gives it back when
// its holder ends, however that happens.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/file_system.h"
#include "base/result.h"

namespace slipway {

class FileLock {
 public:
  enum class Mode : uint8_t { kShared, kExclusive };

  // Blocks until nobody holds the file in a way that excludes `mode`. A file without a descriptor
  // (of a twin, which has one process by nature) is had at once. INTERNAL / SYSTEM where the file
  // system knows no locks.
  static Result<FileLock> Wait(std::unique_ptr<File> file, Mode mode);
  // Nothing if somebody holds it.
  static Result<std::optional<FileLock>> Try(std::unique_ptr<File> file, Mode mode);

  // Held until this is destroyed, which closes the file.
  File& file() const { return *file_; }

 private:
  explicit FileLock(std::unique_ptr<File> file) : file_(std::move(file)) {}

  std::unique_ptr<File> file_;
};

}  // namespace slipway
