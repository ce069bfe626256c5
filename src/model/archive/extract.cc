#include "model/archive/extract.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "model/limits.h"

namespace slipway::model {
namespace {

constexpr size_t kPieceBytes = 1 << 20;

class Extractor {
 public:
  Extractor(FileSystem& files, ArchiveReader& archive, const std::string& root,
            const ExtractOptions& options)
      : files_(files), archive_(archive), root_(root), options_(options), piece_(kPieceBytes, 0) {}

  Result<std::vector<std::string>> Run() {
    std::vector<std::string> paths;
    folders_.insert(root_);
    while (true) {
      TRY(entry, archive_.Next());
      if (!entry) break;
      if (entry->is_folder) {
        TRY_VOID(MakeFolder(root_ + "/" + entry->path));
        continue;
      }
      TRY_VOID(WriteFile(*entry));
      paths.push_back(std::move(entry->path));
    }
    if (!options_.is_durable) return paths;
    for (const std::string& folder : folders_) TRY_VOID(files_.SyncDirectory(folder));
    return paths;
  }

 private:
  Result<void> MakeFolder(const std::string& folder) {
    if (folders_.contains(folder)) return {};
    TRY_VOID(MakeFolder(folder.substr(0, folder.rfind('/'))));
    TRY_VOID(files_.MakeDirectories(folder, options_.folder_mode));
    folders_.insert(folder);
    return {};
  }

  Result<void> WriteFile(const ArchiveEntry& entry) {
    const std::string target = root_ + "/" + entry.path;
    TRY_VOID(MakeFolder(target.substr(0, target.rfind('/'))));
    TRY(file, files_.Open(target, {.write = true,
                                   .create = true,
                                   .exclusive = true,
                                   .beneath = root_,
                                   .mode = options_.file_mode}));
    uint64_t offset = 0;
    while (true) {
      TRY(size, archive_.Read(piece_.data(), piece_.size()));
      if (size == 0) break;
      TRY_VOID(file->WriteAt(offset, {piece_.data(), size}));
      offset += size;
      unpacked_bytes_ += size;
      if (options_.progress) TRY_VOID(options_.progress(unpacked_bytes_));
    }
    return options_.is_durable ? file->Sync() : Result<void>();
  }

  FileSystem& files_;
  ArchiveReader& archive_;
  const std::string& root_;
  const ExtractOptions& options_;
  std::string piece_;
  std::set<std::string> folders_;  // that are there
  uint64_t unpacked_bytes_ = 0;
};

Result<void> ListInto(FileSystem& files, const std::string& root, const std::string& prefix,
                      std::vector<std::string>& paths) {
  TRY(names, files.List(root + "/" + prefix));
  for (const std::string& name : names) {
    const std::string path = prefix + name;
    TRY(target, files.LinkTarget(root + "/" + path));
    if (!target.empty()) continue;
    TRY(info, files.Info(root + "/" + path));
    if (info.is_directory) {
      TRY_VOID(ListInto(files, root, path + "/", paths));
    } else if (info.special.empty()) {
      paths.push_back(path);
    }
  }
  return {};
}

}  // namespace

Result<std::vector<std::string>> Extract(FileSystem& files, ArchiveReader& archive,
                                         const std::string& root, const ExtractOptions& options) {
  return Extractor(files, archive, root, options).Run();
}

Result<std::vector<std::string>> ListFiles(FileSystem& files, const std::string& root) {
  std::vector<std::string> paths;
  TRY_VOID(ListInto(files, root, "", paths));
  std::ranges::sort(paths);
  return paths;
}

}  // namespace slipway::model
