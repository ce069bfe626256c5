#include "base/disk_space.h"

#include <sys/statvfs.h>

#include <cerrno>

#include "base/error.h"

namespace slipway {

Result<uint64_t> FreeDiskBytes(const std::string& path) {
  struct statvfs status{};
  if (statvfs(path.c_str(), &status) != 0) return SystemError(errno, "ask for the room at " + path);
  return static_cast<uint64_t>(status.f_bavail) * status.f_frsize;
}

}  // namespace slipway
