#include "base/file_lock.h"

#include <sys/file.h>

#include <cerrno>

namespace slipway {
namespace {

int Flock(const File& file, FileLock::Mode mode, int how) {
  if (file.descriptor() < 0) return 0;
  const int operation = (mode == FileLock::Mode::kShared ? LOCK_SH : LOCK_EX) | how;
  while (flock(file.descriptor(), operation) != 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

}  // namespace

Result<FileLock> FileLock::Wait(std::unique_ptr<File> file, Mode mode) {
  const int failed = Flock(*file, mode, 0);
  if (failed != 0) return SystemError(failed, "lock a file");
  return FileLock(std::move(file));
}

Result<std::optional<FileLock>> FileLock::Try(std::unique_ptr<File> file, Mode mode) {
  const int failed = Flock(*file, mode, LOCK_NB);
  if (failed == EWOULDBLOCK) return std::optional<FileLock>();
  if (failed != 0) return SystemError(failed, "lock a file");
  return std::optional(FileLock(std::move(file)));
}

}  // namespace slipway
