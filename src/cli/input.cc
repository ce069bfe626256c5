#include "cli/input.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <vector>

#include <fmt/format.h>

#include "base/file_system.h"

namespace slipway::cli {
namespace {

// All that comes from a pipe, a terminal or another stream.
Result<std::string> ReadStream(int descriptor, const std::string& name, uint64_t limit_bytes) {
  std::string text;
  std::vector<char> piece(64 << 10);
  while (true) {
    ssize_t count = ::read(descriptor, piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return SystemError(errno, name);
    if (count == 0) return text;
    text.append(piece.data(), static_cast<size_t>(count));
    if (text.size() > limit_bytes) {
      return FailedPrecondition("FILE_TOO_LARGE",
                                fmt::format("{}: at most {} bytes are taken", name, limit_bytes));
    }
  }
}

// Whether the path names a pipe or a device, such as the shell's `<(COMMAND)`.
bool IsStream(const std::string& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 && (S_ISFIFO(info.st_mode) || S_ISCHR(info.st_mode));
}

Result<std::string> ReadStreamAt(const std::string& path, uint64_t limit_bytes) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (descriptor < 0) return SystemError(errno, "open " + path);
  Result<std::string> text = ReadStream(descriptor, path, limit_bytes);
  ::close(descriptor);
  return text;
}

}  // namespace

Result<std::string> ReadInput(const std::string& path, uint64_t limit_bytes) {
  if (path == "-") return ReadStream(STDIN_FILENO, "standard input", limit_bytes);
  if (IsStream(path)) return ReadStreamAt(path, limit_bytes);
  return ReadWholeFile(PosixFileSystem(), AbsolutePath(path), limit_bytes);
}

std::string AbsolutePath(const std::string& path) {
  std::error_code ignored;
  std::filesystem::path absolute = std::filesystem::absolute(path, ignored).lexically_normal();
  return ignored ? path : absolute.string();
}

}  // namespace slipway::cli
