#include "gateway/repository/override_folder.h"

#include <algorithm>
#include <string_view>

#include "base/file_system.h"
#include "base/random.h"
#include "gateway/limits.h"

namespace slipway::gateway {
namespace {

namespace fs = std::filesystem;

// Some names behind each other, none of which leads elsewhere.
Result<void> CheckPath(const std::string& path) {
  constexpr size_t kMostBytes = 1024;
  const bool is_text = std::none_of(path.begin(), path.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '\\';
  });
  bool is_plain = is_text && !path.empty() && path.size() <= kMostBytes;
  size_t begin = 0;
  while (is_plain && begin <= path.size()) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = std::string_view(path).substr(begin, end - begin);
    is_plain = !part.empty() && part != "." && part != ".." && part.size() <= 255;
    begin = end + 1;
  }
  if (is_plain) return {};
  return InvalidArgument("OVERRIDE_PATH", "'file:" + path.substr(0, 64) +
                                              "' names no file in the model's folder: a path such "
                                              "as 1/model.onnx is wanted");
}

Result<void> WriteFile(const fs::path& path, std::string_view content) {
  TRY_VOID(PosixFileSystem().MakeDirectories(path.parent_path().native()));
  TRY(file,
      PosixFileSystem().Open(path.native(), {.write = true, .create = true, .exclusive = true}));
  return file->WriteAt(0, content);
}

}  // namespace

Result<std::unique_ptr<OverrideFolder>> OverrideFolder::Make(
    const std::vector<std::pair<std::string, std::string>>& files) {
  if (files.size() > kMaxOverrideFiles) {
    return ResourceExhausted("OVERRIDE_FILES", "more than " + std::to_string(kMaxOverrideFiles) +
                                                   " files, the most that one load may bring");
  }
  for (const auto& [path, content] : files) TRY_VOID(CheckPath(path));
  std::error_code error;
  const fs::path parent = fs::canonical(fs::temp_directory_path(error), error);
  if (error) return Internal("OVERRIDE_FOLDER", "no folder for temporary files can be found");
  std::unique_ptr<OverrideFolder> folder(
      new OverrideFolder(parent / ("slipway-model-" + RandomHexId(SystemRandom()))));
  TRY_VOID(PosixFileSystem().MakeDirectories(folder->path().native()));
  for (const auto& [path, content] : files) TRY_VOID(WriteFile(folder->path() / path, content));
  return folder;
}

OverrideFolder::~OverrideFolder() {
  std::error_code error;
  fs::remove_all(path_, error);
}

}  // namespace slipway::gateway
