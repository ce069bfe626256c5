#include "agent/unpacked_cache.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace slipway::agent {
namespace {

constexpr std::string_view kPartial = ".partial";

Result<uint64_t> SizeOf(FileSystem& files, const std::string& path) {
  TRY(info, files.Info(path));
  if (!info.is_directory) return info.size_bytes;
  uint64_t total = 0;
  TRY(names, files.List(path));
  for (const std::string& name : names) {
    TRY(size, SizeOf(files, path + "/" + name));
    total += size;
  }
  return total;
}

Result<std::vector<UnpackedEntry>> ReadEntries(FileSystem& files, const std::string& folder) {
  std::vector<UnpackedEntry> out;
  TRY(names, files.List(folder));
  for (std::string& name : names) {
    TRY(info, files.Info(folder + "/" + name));
    TRY(size, SizeOf(files, folder + "/" + name));
    out.push_back({std::move(name), size, info.modified_ms});
  }
  return out;
}

}  // namespace

std::vector<std::string> ChooseEvictions(std::vector<UnpackedEntry> entries,
                                         const std::set<std::string>& in_use,
                                         uint64_t limit_bytes) {
  std::vector<std::string> out;
  uint64_t total = 0;
  std::erase_if(entries, [&out](const UnpackedEntry& entry) {
    bool leftover = entry.name.ends_with(kPartial);
    if (leftover) out.push_back(entry.name);
    return leftover;
  });
  for (const UnpackedEntry& entry : entries) total += entry.size_bytes;
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.modified_ms < b.modified_ms; });
  for (const UnpackedEntry& entry : entries) {
    if (total <= limit_bytes) break;
    if (in_use.contains(entry.name)) continue;
    out.push_back(entry.name);
    total -= entry.size_bytes;
  }
  return out;
}

Result<void> SweepUnpacked(FileSystem& files, const std::string& folder,
                           const std::set<std::string>& in_use, uint64_t limit_bytes) {
  TRY(entries, ReadEntries(files, folder));
  for (const std::string& name : ChooseEvictions(std::move(entries), in_use, limit_bytes)) {
    std::string path = folder + "/" + name;
    if (!name.ends_with(kPartial)) {
      LogInfo("removing an unpacked model that nobody uses", {{"digest", name}});
      TRY_VOID(files.Rename(path, path + std::string(kPartial)));
      TRY_VOID(files.SyncDirectory(folder));
      path += kPartial;
    }
    TRY_VOID(files.RemoveTree(path));
  }
  return {};
}

}  // namespace slipway::agent
