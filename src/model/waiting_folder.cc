#include "model/waiting_folder.h"

#include <set>

#include <fmt/format.h>

namespace slipway::model {
namespace {

constexpr std::string_view kAside = "unpacked";

}  // namespace

Result<WaitingFolder> WaitingFolder::Open(FileSystem& files, std::string folder) {
  TRY_VOID(files.MakeDirectories(folder, 0755));
  TRY(open, files.Open(folder, {}));
  TRY(lock, FileLock::Wait(std::move(open), FileLock::Mode::kExclusive));
  WaitingFolder waiting(files, std::move(folder), std::move(lock));
  TRY_VOID(waiting.CheckNoLink(waiting.downloads()));
  return waiting;
}

Result<void> WaitingFolder::CheckNoLink(const std::string& path) {
  const auto target = files_->LinkTarget(path);
  if (!target.has_value() && target.error().code() == Code::kNotFound) return {};
  if (!target.has_value()) return target.error();
  if (target->empty()) return {};
  return InvalidArgument("LINK_REFUSED",
                         fmt::format("{} is a link to {}: models are not written through links, "
                                     "remove it or choose another folder",
                                     path, *target));
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

Result<void> WaitingFolder::MakeFolders(const std::vector<std::string>& paths) {
  std::set<std::string> checked;
  for (const std::string& path : paths) {
    for (size_t slash = path.find('/'); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
      const std::string parent = path.substr(0, slash);
      if (checked.insert(parent).second) TRY_VOID(CheckNoLink(folder_ + "/" + parent));
    }
  }
  for (const std::string& parent : checked) {
    TRY_VOID(files_->MakeDirectories(folder_ + "/" + parent, 0755));
  }
  return {};
}

Result<void> WaitingFolder::MoveAll(const std::string& aside,
                                    const std::vector<std::string>& paths) {
  TRY_VOID(MakeFolders(paths));
  std::set<std::string> folders = {folder_};
  for (const std::string& path : paths) {
    const std::string target = folder_ + "/" + path;
    folders.insert(target.substr(0, target.rfind('/')));
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
