#include "runtime/process/process_search.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <memory>

#include "runtime/process/process_identity.h"

namespace slipway::runtime {
namespace {

// By device and inode: a path may have links in it.
bool RunsIn(pid_t pid, const struct stat& folder) {
  struct stat entry = {};
  struct stat current = {};
  const std::string proc = "/proc/" + std::to_string(pid);
  return stat(proc.c_str(), &entry) == 0 && entry.st_uid == geteuid() &&
         stat((proc + "/cwd").c_str(), &current) == 0 && current.st_dev == folder.st_dev &&
         current.st_ino == folder.st_ino;
}

}  // namespace

std::vector<WorkloadHandle> FindProcesses(std::string_view name, const std::string& folder) {
  std::vector<WorkloadHandle> found;
  struct stat wanted = {};
  std::unique_ptr<DIR, int (*)(DIR*)> all(opendir("/proc"), closedir);
  if (all == nullptr || stat(folder.c_str(), &wanted) != 0) return found;
  const std::string boot_id = ReadBootId();
  while (const dirent* entry = readdir(all.get())) {
    const std::string_view text(entry->d_name);
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
    if (error != std::errc() || end != text.data() + text.size()) continue;
    // The start time first: a number that changes hands in between makes a handle of nothing.
    const auto stat = ReadProcessStat(pid);
    if (!stat || !stat->alive() || !RunsIn(pid, wanted)) continue;
    const std::string mark = MarkOf(pid);
    if (!mark.starts_with(std::string(name) + "-")) continue;
    const ProcessIdentity identity{
        .pid = pid, .start_ticks = stat->start_ticks, .boot_id = boot_id, .mark = mark};
    found.push_back({"process", std::string(name), identity.ToString()});
  }
  return found;
}

}  // namespace slipway::runtime
