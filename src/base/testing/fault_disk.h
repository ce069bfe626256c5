// The state of a FaultFileSystem.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace slipway {

// What an inode costs of the capacity.
inline constexpr uint64_t kFaultNodeSize = 256;

// A change of a file that is not durable yet: a write, or a new size.
struct FaultWrite {
  bool is_truncate = false;
  uint64_t offset = 0;  // or the size
  std::string bytes;
};

// The same on the bytes of a file.
void ApplyFaultWrite(const FaultWrite& write, std::string& content);

struct FaultNode {
  uint64_t inode = 0;
  bool is_directory = false;
  uint64_t links = 0;
  int64_t modified_ms = 0;

  // Of a file: what readers see, what is durable, and what came after it in order.
  std::string content;
  std::string durable_content;
  std::vector<FaultWrite> pending_writes;

  // Of a folder, likewise. A name that was removed has no node.
  using Names = std::map<std::string, std::shared_ptr<FaultNode>, std::less<>>;
  Names names;
  Names durable_names;
  std::vector<std::pair<std::string, std::shared_ptr<FaultNode>>> pending_names;

  void SetName(const std::string& name, std::shared_ptr<FaultNode> node) {
    if (const auto old = names.find(name); old != names.end()) --old->second->links;
    pending_names.emplace_back(name, node);
    if (node == nullptr) {
      names.erase(name);
    } else {
      ++node->links;
      names[name] = std::move(node);
    }
  }
};

// A path's last name and the folder that has, or would have it.
struct FaultPlace {
  FaultNode* folder;
  std::string name;
  std::shared_ptr<FaultNode> node;  // null if the name is free
};

// What is on the disk and in the page cache above it. `mutex` is held around every call.
struct FaultDisk {
  mutable std::mutex mutex;
  std::shared_ptr<FaultNode> root = std::make_shared<FaultNode>();
  uint64_t last_inode = 1;
  uint64_t changes = 0;
  std::optional<uint64_t> off_after;  // changes
  std::optional<uint64_t> capacity;
  uint64_t used_bytes = 0;
  bool fail_next_sync = false;

  bool IsOff() const { return off_after && changes >= *off_after; }
  // Counts a change; false if the power is off.
  bool Change() {
    if (IsOff()) return false;
    ++changes;
    return !IsOff();
  }
  bool HasRoomFor(uint64_t bytes) const { return !capacity || used_bytes + bytes <= *capacity; }

  std::shared_ptr<FaultNode> NewNode(bool is_directory);
  // Gives back the room of a file that lost its last name; also of one that is still open.
  void Release(const FaultNode& node) {
    if (node.links == 0) used_bytes -= kFaultNodeSize + node.content.size();
  }

  // Changes a file, not durably.
  void Record(FaultNode& node, FaultWrite write);

  Result<std::shared_ptr<FaultNode>> Find(std::string_view path) const;
  Result<FaultPlace> FindPlace(const std::string& path) const;
  void ReleaseTree(FaultNode& node);
  // A state that may be found after losing power now.
  std::shared_ptr<FaultDisk> Crash(uint64_t seed) const;
};

}  // namespace slipway
