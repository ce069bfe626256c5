#include "base/testing/fault_disk.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <unordered_map>

#include "base/check.h"
#include "base/random.h"

namespace slipway {
namespace {

constexpr size_t kSectorSize = 512;

// Makes one state that may survive.
class Survivor {
 public:
  Survivor(FaultDisk& disk, uint64_t seed) : disk_(disk), random_(MakeSeededRandom(seed)) {
    // All or nothing of what was pending, or each part with some probability.
    constexpr uint64_t kPercent[] = {0, 10, 50, 90, 100};
    percent_ = kPercent[random_->Next() % std::size(kPercent)];
    fill_ = random_->Next() % 2 == 0 ? '\0' : static_cast<char>(random_->Next());
  }

  std::shared_ptr<FaultNode> Copy(const std::shared_ptr<FaultNode>& node) {
    auto& copy = copies_[node.get()];
    if (copy != nullptr) return copy;
    copy = disk_.NewNode(node->is_directory);
    copy->inode = node->inode;
    disk_.last_inode = std::max(disk_.last_inode, node->inode);
    // The map may grow meanwhile.
    const std::shared_ptr<FaultNode> made = copy;
    if (node->is_directory) {
      CopyFolder(*node, *made);
    } else {
      made->content = made->durable_content = ContentOf(*node);
      disk_.used_bytes += made->content.size();
    }
    return made;
  }

 private:
  bool Survives() { return random_->Next() % 100 < percent_; }

  void CopyFolder(const FaultNode& from, FaultNode& to) {
    FaultNode::Names names = from.durable_names;
    for (const auto& [name, node] : from.pending_names) {
      if (!Survives()) continue;
      if (node == nullptr) {
        names.erase(name);
      } else {
        names[name] = node;
      }
    }
    for (const auto& [name, node] : names) {
      to.names[name] = Copy(node);
      ++to.names[name]->links;
    }
    to.durable_names = to.names;
  }

  std::string ContentOf(const FaultNode& node) {
    std::string content = node.durable_content;
    uint64_t size = content.size();
    for (const FaultWrite& write : node.pending_writes) {
      if (write.is_truncate) {
        if (!Survives()) continue;
        size = write.offset;
        if (content.size() > size) content.resize(size);
        continue;
      }
      CopySectors(write, content);
      const uint64_t end = write.offset + write.bytes.size();
      if (!write.bytes.empty() && end > size && Survives()) size = end;
    }
    content.resize(size, fill_);
    return content;
  }

  void CopySectors(const FaultWrite& write, std::string& content) {
    for (size_t done = 0; done < write.bytes.size();) {
      const uint64_t offset = write.offset + done;
      const size_t count =
          std::min<size_t>(kSectorSize - offset % kSectorSize, write.bytes.size() - done);
      if (Survives()) {
        if (content.size() < offset + count) content.resize(offset + count, fill_);
        std::memcpy(content.data() + offset, write.bytes.data() + done, count);
      }
      done += count;
    }
  }

  FaultDisk& disk_;
  const std::unique_ptr<Random> random_;
  uint64_t percent_;
  char fill_;
  std::unordered_map<const FaultNode*, std::shared_ptr<FaultNode>> copies_;
};

}  // namespace

void ApplyFaultWrite(const FaultWrite& write, std::string& content) {
  if (write.is_truncate) {
    content.resize(write.offset, '\0');
    return;
  }
  if (write.bytes.empty()) return;
  const size_t end = write.offset + write.bytes.size();
  if (content.size() < end) content.resize(end, '\0');
  std::memcpy(content.data() + write.offset, write.bytes.data(), write.bytes.size());
}

std::shared_ptr<FaultNode> FaultDisk::NewNode(bool is_directory) {
  auto node = std::make_shared<FaultNode>();
  node->inode = ++last_inode;
  node->is_directory = is_directory;
  node->modified_ms = static_cast<int64_t>(changes);
  used_bytes += kFaultNodeSize;
  return node;
}
void FaultDisk::Record(FaultNode& node, FaultWrite write) {
  const bool counts = node.links > 0;
  if (counts) used_bytes -= node.content.size();
  ApplyFaultWrite(write, node.content);
  if (counts) used_bytes += node.content.size();
  node.modified_ms = static_cast<int64_t>(changes);
  node.pending_writes.push_back(std::move(write));
}

Result<std::shared_ptr<FaultNode>> FaultDisk::Find(std::string_view path) const {
  std::shared_ptr<FaultNode> node = root;
  for (std::string_view rest = path; !rest.empty();) {
    const size_t slash = std::min(rest.find('/'), rest.size());
    const std::string_view name = rest.substr(0, slash);
    rest.remove_prefix(std::min(slash + 1, rest.size()));
    if (name.empty()) continue;
    if (!node->is_directory) return SystemError(ENOTDIR, path);
    const auto found = node->names.find(name);
    if (found == node->names.end()) return SystemError(ENOENT, path);
    node = found->second;
  }
  return node;
}

Result<FaultPlace> FaultDisk::FindPlace(const std::string& path) const {
  CHECK_NOTE(path.starts_with('/'), path);
  const size_t slash = path.find_last_of('/');
  TRY(folder, Find(path.substr(0, slash)));
  if (!folder->is_directory) return SystemError(ENOTDIR, path);
  FaultPlace place{.folder = folder.get(), .name = path.substr(slash + 1), .node = nullptr};
  const auto found = folder->names.find(place.name);
  if (found != folder->names.end()) place.node = found->second;
  return place;
}

void FaultDisk::ReleaseTree(FaultNode& node) {
  while (!node.names.empty()) {
    const auto [name, child] = *node.names.begin();
    node.SetName(name, nullptr);
    if (child->is_directory) ReleaseTree(*child);
    Release(*child);
  }
}

std::shared_ptr<FaultDisk> FaultDisk::Crash(uint64_t seed) const {
  auto survived = std::make_shared<FaultDisk>();
  survived->root = Survivor(*survived, seed).Copy(root);
  survived->changes = changes;  // it is the clock, too
  return survived;
}

}  // namespace slipway
