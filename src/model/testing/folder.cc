#include "model/testing/folder.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/check.h"
#include "base/random.h"

namespace slipway::model {

TemporaryFolder::TemporaryFolder()
    : path_(std::filesystem::temp_directory_path() /
            ("slipway-model-" + RandomHexId(SystemRandom()))) {
  CHECK(std::filesystem::create_directories(path_));
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void TemporaryFolder::Write(const std::string& name, std::string_view content) {
  const std::filesystem::path path = std::filesystem::path(path_) / name;
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << content;
}

std::string TemporaryFolder::Read(const std::string& name) const {
  std::ifstream file(std::filesystem::path(path_) / name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace slipway::model
