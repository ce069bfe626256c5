// OverrideFolder: a model that a client sent, as files in a folder of its own.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace slipway::gateway {

// In the system's folder for temporary files; goes with this object. Blocks.
class OverrideFolder {
 public:
  // INVALID_ARGUMENT / OVERRIDE_PATH for paths that are not plain and relative, RESOURCE_EXHAUSTED
  // / OVERRIDE_FILES for too many.
  static Result<std::unique_ptr<OverrideFolder>> Make(
      const std::vector<std::pair<std::string, std::string>>& files);
  ~OverrideFolder();
  OverrideFolder(const OverrideFolder&) = delete;
  OverrideFolder& operator=(const OverrideFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  explicit OverrideFolder(std::filesystem::path path) : path_(std::move(path)) {}
  const std::filesystem::path path_;
};

}  // namespace slipway::gateway
