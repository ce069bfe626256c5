#include "model/unpacked_sources.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

namespace slipway::model {

std::string SourcesOf(FileSystem& files, oci::ContentSource& content,
                      const std::vector<LayerFile>& layers) {
  std::string out;
  for (const LayerFile& file : layers) {
    const std::optional<std::string> path = content.LocalPath(file.layer.digest);
    std::string identity = "row";
    if (path) {
      const Result<FileInfo> info = files.Info(*path);
      identity = info ? fmt::format("{} {} {}", info->inode, info->size_bytes, info->modified_ms)
                      : "missing";
    }
    out += fmt::format("{} {}\n", file.layer.digest.text(), identity);
  }
  return out;
}

bool IsMadeOf(FileSystem& files, const std::string& folder, std::string_view sources,
              const std::vector<LayerFile>& layers) {
  const std::string path = fmt::format("{}/{}", folder, kSourcesFile);
  const auto recorded = ReadWholeFile(files, path, sources.size());
  if (!recorded || *recorded != sources) return false;
  return std::ranges::all_of(layers, [&](const LayerFile& file) {
    if (file.archive) return true;
    const auto info = files.Info(folder + "/" + file.path);
    return info && !info->is_directory && info->size_bytes == file.layer.size_bytes;
  });
}

}  // namespace slipway::model
