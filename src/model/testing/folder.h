// TemporaryFolder: a folder for one test, removed with it.
#pragma once

#include <string>
#include <string_view>

namespace slipway::model {

class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }
  // `name` is relative; folders above it are made.
  void Write(const std::string& name, std::string_view content);
  std::string Read(const std::string& name) const;

 private:
  std::string path_;
};

}  // namespace slipway::model
