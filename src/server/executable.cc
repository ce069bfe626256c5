#include "server/executable.h"

#include <filesystem>

namespace slipway::server {
namespace {

// The kernel's mark on a program whose file was replaced meanwhile.
constexpr std::string_view kDeleted = " (deleted)";

}  // namespace

Result<std::string> ExecutablePath() {
  std::error_code error;
  std::string path = std::filesystem::read_symlink("/proc/self/exe", error).string();
  if (error) return SystemError(error.value(), "/proc/self/exe");
  if (path.ends_with(kDeleted)) path.resize(path.size() - kDeleted.size());
  return path;
}

std::string PluginFolder(const std::string& executable) {
  return (std::filesystem::path(executable).parent_path().parent_path() / "lib" / "slipway")
      .string();
}

}  // namespace slipway::server
