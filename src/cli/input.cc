#include "cli/input.h"

#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <vector>

#include <fmt/format.h>

#include "base/file_system.h"

namespace slipway::cli {
namespace {

Result<std::string> ReadStandardInput(uint64_t limit_bytes) {
  std::string text;
  std::vector<char> piece(64 << 10);
  while (true) {
    ssize_t count = ::read(STDIN_FILENO, piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return SystemError(errno, "standard input");
    if (count == 0) return text;
    text.append(piece.data(), static_cast<size_t>(count));
    if (text.size() > limit_bytes) {
      return FailedPrecondition(
          "FILE_TOO_LARGE", fmt::format("standard input: at most {} bytes are taken", limit_bytes));
    }
  }
}

}  // namespace

Result<std::string> ReadInput(const std::string& path, uint64_t limit_bytes) {
  if (path == "-") return ReadStandardInput(limit_bytes);
  return ReadWholeFile(PosixFileSystem(), AbsolutePath(path), limit_bytes);
}

std::string AbsolutePath(const std::string& path) {
  std::error_code ignored;
  std::filesystem::path absolute = std::filesystem::absolute(path, ignored).lexically_normal();
  return ignored ? path : absolute.string();
}

}  // namespace slipway::cli
