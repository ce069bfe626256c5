#include "engine/program_host.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <utility>

#include "engine/program/settings.h"
#include "engine/worker/model.h"

namespace slipway::engine {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kProgramV2 = "v2";
constexpr std::string_view kProgramHttp = "http";
constexpr const char* kFoldersVariable = "SLIPWAY_PROGRAM_FOLDERS";

// The tree of a file and those of what it leads to: TREE/bin/NAME.
std::vector<std::string> TreesOf(fs::path path) {
  constexpr size_t kMostLinks = 8;
  std::vector<std::string> trees;
  std::error_code error;
  while (trees.size() < kMostLinks) {
    // Beside a program that lies in no such tree nothing is readable but its folder.
    const fs::path folder = path.parent_path();
    const bool has_tree = folder.filename() == "bin";
    trees.push_back((has_tree ? folder.parent_path() : folder).lexically_normal().native());
    if (!fs::is_symlink(path, error)) break;
    path = folder / fs::read_symlink(path, error);
  }
  return trees;
}

// A program that is found in the path is of whoever set that up, so that it may read its own files.
std::vector<std::string> TreesInPath(const std::string& word) {
  if (word.empty() || word.find('/') != std::string::npos) return {};
  const char* const path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe)
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    const fs::path file = fs::path(folder) / word;
    if (folder.starts_with('/') && access(file.c_str(), X_OK) == 0) return TreesOf(file);
  }
  return {};
}

// Further folders that whoever runs the data plane lets programs read.
void AddNamedFolders(std::vector<std::string>& folders) {
  const char* const named = std::getenv(kFoldersVariable);  // NOLINT(concurrency-mt-unsafe)
  std::istringstream words(named == nullptr ? "" : named);
  for (std::string folder; std::getline(words, folder, ':');) {
    if (folder.starts_with('/')) folders.push_back(folder);
  }
}

}  // namespace

bool IsProgram(std::string_view format) {
  return format == kProgramV2 || SpeaksHttp(format);
}

bool SpeaksHttp(std::string_view format) {
  return format == kProgramHttp;
}

Result<std::unique_ptr<exec::Model>> LoadProgram(const ProgramSource& source) {
  if (source.command.empty()) {
    return InvalidArgument("PROGRAM_MISSING", "the program's command is empty");
  }
  program::Settings settings{.folder = source.folder,
                             .command = source.command,
                             .start_timeout_ms = source.start_timeout_ms,
                             .models = {},
                             .readable = TreesInPath(source.command.front()),
                             .speaks_http = source.speaks_http,
                             .ready_path = source.ready_path};
  AddNamedFolders(settings.readable);
  for (const MountedFolder& mount : source.mounts) {
    settings.models.push_back({.name = mount.name, .path = mount.path});
  }
  return worker::LoadInWorker({.name = source.name,
                               .load = {},
                               .command = {},
                               .readable = {},
                               .program = program::EncodeSettings(settings),
                               .changed = source.changed,
                               .stop = source.stop});
}

}  // namespace slipway::engine
