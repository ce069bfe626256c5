#include "base/testing/fault_file_system.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/testing/fault_disk.h"

namespace slipway {
namespace {

Error PowerIsOff() {
  return Unavailable("POWER_OFF", "the power is off");
}

class OpenFile final : public File {
 public:
  OpenFile(std::shared_ptr<FaultDisk> disk, std::shared_ptr<FaultNode> node, bool may_write)
      : disk_(std::move(disk)), node_(std::move(node)), may_write_(may_write) {}

  Result<size_t> ReadAt(uint64_t offset, char* out, size_t size) override {
    const std::lock_guard lock(disk_->mutex);
    if (disk_->IsOff()) return PowerIsOff();
    if (node_->is_directory) return SystemError(EISDIR, "read");
    const std::string& content = node_->content;
    if (offset >= content.size()) return size_t{0};
    const size_t count = std::min<size_t>(size, content.size() - offset);
    std::memcpy(out, content.data() + offset, count);
    return count;
  }

  Result<void> WriteAt(uint64_t offset, std::string_view bytes) override {
    const std::lock_guard lock(disk_->mutex);
    if (!may_write_) return SystemError(EBADF, "write");
    if (!disk_->Change()) return PowerIsOff();
    const uint64_t grown = std::max<uint64_t>(node_->content.size(), offset + bytes.size());
    if (disk_->HasRoomFor(grown - node_->content.size())) {
      disk_->Record(*node_, {.offset = offset, .bytes = std::string(bytes)});
      return {};
    }
    const uint64_t room = *disk_->capacity - std::min(*disk_->capacity, disk_->used_bytes);
    const uint64_t end = node_->content.size() + room;
    if (end > offset)
      disk_->Record(*node_,
                    {.offset = offset, .bytes = std::string(bytes.substr(0, end - offset))});
    return SystemError(ENOSPC, "write");
  }

  Result<void> Sync() override {
    const std::lock_guard lock(disk_->mutex);
    if (!disk_->Change()) return PowerIsOff();
    if (std::exchange(disk_->fail_next_sync, false)) {
      node_->pending_writes.clear();
      return SystemError(EIO, "sync");
    }
    for (const FaultWrite& write : node_->pending_writes) {
      ApplyFaultWrite(write, node_->durable_content);
    }
    node_->pending_writes.clear();
    return {};
  }

  Result<void> Truncate(uint64_t size_bytes) override {
    const std::lock_guard lock(disk_->mutex);
    if (!may_write_) return SystemError(EBADF, "truncate");
    if (!disk_->Change()) return PowerIsOff();
    disk_->Record(*node_, {.is_truncate = true, .offset = size_bytes});
    return {};
  }

  Result<FileInfo> Info() override {
    const std::lock_guard lock(disk_->mutex);
    if (disk_->IsOff()) return PowerIsOff();
    return InfoOf(*node_);
  }

  Result<void> SetMode(int) override {
    const std::lock_guard lock(disk_->mutex);
    return disk_->Change() ? Result<void>() : PowerIsOff();
  }

  static FileInfo InfoOf(const FaultNode& node) {
    return {.size_bytes = node.content.size(),
            .inode = node.inode,
            .links = node.links,
            .is_directory = node.is_directory,
            .special = {},
            .modified_ms = node.modified_ms};
  }

 private:
  const std::shared_ptr<FaultDisk> disk_;
  const std::shared_ptr<FaultNode> node_;
  const bool may_write_;
};

}  // namespace

FaultFileSystem::FaultFileSystem() : FaultFileSystem(std::make_shared<FaultDisk>()) {
  disk_->root->is_directory = true;
  disk_->root->inode = 1;
}

FaultFileSystem::FaultFileSystem(std::shared_ptr<FaultDisk> disk) : disk_(std::move(disk)) {}

FaultFileSystem::~FaultFileSystem() = default;

std::unique_ptr<FaultFileSystem> FaultFileSystem::Crash(uint64_t seed) const {
  const std::lock_guard lock(disk_->mutex);
  return std::unique_ptr<FaultFileSystem>(new FaultFileSystem(disk_->Crash(seed)));
}

void FaultFileSystem::CutPowerAfter(uint64_t count) {
  const std::lock_guard lock(disk_->mutex);
  disk_->off_after = disk_->changes + count;
}

void FaultFileSystem::RestorePower() {
  const std::lock_guard lock(disk_->mutex);
  disk_->off_after.reset();
}

bool FaultFileSystem::power_is_off() const {
  const std::lock_guard lock(disk_->mutex);
  return disk_->IsOff();
}

uint64_t FaultFileSystem::changes() const {
  const std::lock_guard lock(disk_->mutex);
  return disk_->changes;
}

void FaultFileSystem::SetCapacity(uint64_t size_bytes) {
  const std::lock_guard lock(disk_->mutex);
  disk_->capacity = size_bytes;
}

uint64_t FaultFileSystem::used_bytes() const {
  const std::lock_guard lock(disk_->mutex);
  return disk_->used_bytes;
}

void FaultFileSystem::FailNextSync() {
  const std::lock_guard lock(disk_->mutex);
  disk_->fail_next_sync = true;
}

Result<std::unique_ptr<File>> FaultFileSystem::Open(const std::string& path,
                                                    const OpenOptions& options) {
  const std::lock_guard lock(disk_->mutex);
  if (disk_->IsOff()) return PowerIsOff();
  if (!options.create) {
    TRY(node, disk_->Find(path));
    if (node->is_directory && options.write) return SystemError(EISDIR, path);
    auto file = std::make_unique<OpenFile>(disk_, node, options.write);
    if (!options.truncate || node->content.empty()) return file;
    if (!disk_->Change()) return PowerIsOff();
    disk_->Record(*node, {.is_truncate = true});
    return file;
  }
  TRY(place, disk_->FindPlace(path));
  if (place.node != nullptr && options.exclusive) return SystemError(EEXIST, path);
  if (place.node != nullptr && place.node->is_directory) return SystemError(EISDIR, path);
  if (place.node == nullptr) {
    if (!disk_->Change()) return PowerIsOff();
    if (!disk_->HasRoomFor(kFaultNodeSize)) return SystemError(ENOSPC, path);
    place.node = disk_->NewNode(false);
    place.folder->SetName(place.name, place.node);
  }
  auto file = std::make_unique<OpenFile>(disk_, place.node, options.write);
  if (options.truncate && !place.node->content.empty()) {
    if (!disk_->Change()) return PowerIsOff();
    disk_->Record(*place.node, {.is_truncate = true});
  }
  return file;
}

Result<void> FaultFileSystem::Rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(disk_->mutex);
  if (!disk_->Change()) return PowerIsOff();
  TRY(source, disk_->FindPlace(from));
  if (source.node == nullptr) return SystemError(ENOENT, from);
  TRY(target, disk_->FindPlace(to));
  if (target.node == source.node) return {};
  target.folder->SetName(target.name, source.node);
  source.folder->SetName(source.name, nullptr);
  if (target.node != nullptr) disk_->Release(*target.node);
  return {};
}

Result<void> FaultFileSystem::Link(const std::string& from, const std::string& to) {
  const std::lock_guard lock(disk_->mutex);
  if (!disk_->Change()) return PowerIsOff();
  TRY(source, disk_->FindPlace(from));
  if (source.node == nullptr) return SystemError(ENOENT, from);
  TRY(target, disk_->FindPlace(to));
  if (target.node != nullptr) return SystemError(EEXIST, to);
  target.folder->SetName(target.name, source.node);
  return {};
}

Result<void> FaultFileSystem::Remove(const std::string& path) {
  const std::lock_guard lock(disk_->mutex);
  if (!disk_->Change()) return PowerIsOff();
  TRY(place, disk_->FindPlace(path));
  if (place.node == nullptr) return SystemError(ENOENT, path);
  if (place.node->is_directory) return SystemError(EISDIR, path);
  place.folder->SetName(place.name, nullptr);
  disk_->Release(*place.node);
  return {};
}

Result<void> FaultFileSystem::RemoveTree(const std::string& path) {
  const std::lock_guard lock(disk_->mutex);
  if (!disk_->Change()) return PowerIsOff();
  const auto place = disk_->FindPlace(path);
  if (!place && place.error().code() != Code::kNotFound) return place.error();
  if (!place || place->node == nullptr) return {};
  disk_->ReleaseTree(*place->node);
  place->folder->SetName(place->name, nullptr);
  disk_->Release(*place->node);
  return {};
}

Result<void> FaultFileSystem::MakeDirectories(const std::string& path, int mode) {
  std::unique_lock lock(disk_->mutex);
  if (disk_->IsOff()) return PowerIsOff();
  const auto there = disk_->Find(path);
  if (there) return (*there)->is_directory ? Result<void>() : SystemError(ENOTDIR, path);
  if (there.error().code() != Code::kNotFound) return there.error();
  const std::string parent = path.substr(0, path.find_last_of('/'));
  lock.unlock();
  if (!parent.empty()) TRY_VOID(MakeDirectories(parent, mode));
  lock.lock();
  if (!disk_->Change()) return PowerIsOff();
  TRY(place, disk_->FindPlace(path));
  // Another thread may have made it, or the path ends with a slash.
  if (!place.name.empty() && place.node == nullptr) {
    if (!disk_->HasRoomFor(kFaultNodeSize)) return SystemError(ENOSPC, path);
    place.folder->SetName(place.name, disk_->NewNode(true));
  }
  lock.unlock();
  return SyncDirectory(parent.empty() ? "/" : parent);
}

Result<void> FaultFileSystem::SyncDirectory(const std::string& path) {
  const std::lock_guard lock(disk_->mutex);
  if (!disk_->Change()) return PowerIsOff();
  TRY(node, disk_->Find(path));
  if (!node->is_directory) return SystemError(ENOTDIR, path);
  node->durable_names = node->names;
  node->pending_names.clear();
  return {};
}

Result<std::vector<std::string>> FaultFileSystem::List(const std::string& path) {
  const std::lock_guard lock(disk_->mutex);
  if (disk_->IsOff()) return PowerIsOff();
  TRY(node, disk_->Find(path));
  if (!node->is_directory) return SystemError(ENOTDIR, path);
  std::vector<std::string> names;
  for (const auto& [name, child] : node->names) names.push_back(name);
  return names;
}

Result<FileInfo> FaultFileSystem::Info(const std::string& path) {
  const std::lock_guard lock(disk_->mutex);
  if (disk_->IsOff()) return PowerIsOff();
  TRY(node, disk_->Find(path));
  return OpenFile::InfoOf(*node);
}

Result<bool> FaultFileSystem::Exists(const std::string& path) {
  const std::lock_guard lock(disk_->mutex);
  if (disk_->IsOff()) return PowerIsOff();
  return disk_->Find(path).has_value();
}

Result<std::string> FaultFileSystem::LinkTarget(const std::string& path) {
  TRY_VOID(Info(path));
  return std::string();
}

Result<std::string> FaultFileSystem::Canonical(const std::string& path) {
  TRY_VOID(Info(path));
  return path;
}

}  // namespace slipway
