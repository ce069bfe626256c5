#include "model/waiting_folder.h"

#include <set>

namespace slipway::model {
namespace {

constexpr std::string_view kAside = "unpacked";

}  // namespace

Result<WaitingFolder> WaitingFolder::Open(FileSystem& files, std::string folder) {
  TRY_VOID(files.MakeDirectories(folder, 0755));
  TRY(open, files.Open(folder, {}));
  TRY(lock, FileLock::Wait(std::move(open), FileLock::Mode::kExclusive));
  return WaitingFolder(files, std::move(folder), std::move(lock));
}

std::string WaitingFolder::downloads() const {
  return folder_ + "/" + std::string(kWaitingFolder);
}

Result<std::string> WaitingFolder::MakeAside() {
  std::string aside = downloads() + "/" + std::string(kAside);
  TRY_VOID(files_->RemoveTree(aside));
  TRY_VOID(files_->MakeDirectories(aside, 0755));
  return aside;
}

Result<void> WaitingFolder::MoveAll(const std::string& aside,
                                    const std::vector<std::string>& paths) {
  std::set<std::string> folders = {folder_};
  for (const std::string& path : paths) {
    const std::string target = folder_ + "/" + path;
    const std::string parent = target.substr(0, target.rfind('/'));
    if (folders.insert(parent).second) TRY_VOID(files_->MakeDirectories(parent, 0755));
    TRY_VOID(files_->Rename(aside + "/" + path, target));
  }
  for (const std::string& parent : folders) TRY_VOID(files_->SyncDirectory(parent));
  return {};
}

Result<void> WaitingFolder::CleanUp(bool all) {
  const std::string waiting = downloads();
  if (all) return files_->RemoveTree(waiting);
  TRY_VOID(files_->RemoveTree(waiting + "/" + std::string(kAside)));
  const auto left = files_->List(waiting);
  if (left.has_value() && left->empty()) return files_->RemoveTree(waiting);
  return {};
}

}  // namespace slipway::model
