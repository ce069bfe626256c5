#include "async/available_cores.h"

#include <charconv>
#include <fstream>
#include <sstream>

namespace slipway {
namespace {

std::string ReadText(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  return text.str();
}

std::optional<double> ParseNumber(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  double value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> Quotient(std::string_view quota, std::string_view period) {
  const std::optional<double> quota_us = ParseNumber(quota);
  const std::optional<double> period_us = ParseNumber(period);
  if (!quota_us || !period_us || *quota_us <= 0 || *period_us <= 0) return std::nullopt;
  return *quota_us / *period_us;
}

// Of one folder: `cpu.max` holds "max 100000" or "150000 100000" in v2.
std::optional<double> QuotaOfFolder(const std::string& folder, bool v2) {
  if (!v2) {
    return Quotient(ReadText(folder + "/cpu.cfs_quota_us"),
                    ReadText(folder + "/cpu.cfs_period_us"));
  }
  const std::string text = ReadText(folder + "/cpu.max");
  const size_t space = text.find(' ');
  if (space == std::string::npos) return std::nullopt;
  return Quotient(std::string_view(text).substr(0, space),
                  std::string_view(text).substr(space + 1));
}

void TakeSmaller(std::optional<double> quota, std::optional<double>& smallest) {
  if (quota && (!smallest || *quota < *smallest)) smallest = quota;
}

// Of the group at `path` below `mount` and all its parents.
std::optional<double> QuotaOfPath(const std::string& mount, std::string path, bool v2) {
  std::optional<double> smallest;
  while (true) {
    TakeSmaller(QuotaOfFolder(mount + path, v2), smallest);
    const size_t slash = path.rfind('/');
    if (path.empty() || slash == std::string::npos) return smallest;
    path.resize(slash);
  }
}

// One line of /proc/self/cgroup: `hierarchy:controllers:path`; v2 is "0::path".
struct CgroupLine {
  std::string controllers;
  std::string path;
};
std::optional<CgroupLine> ParseLine(const std::string& line) {
  const size_t first = line.find(':');
  if (first == std::string::npos) return std::nullopt;
  const size_t second = line.find(':', first + 1);
  if (second == std::string::npos) return std::nullopt;
  CgroupLine parsed{.controllers = line.substr(first + 1, second - first - 1),
                    .path = line.substr(second + 1)};
  if (parsed.path == "/") parsed.path.clear();
  return parsed;
}

bool HasCpuController(const std::string& controllers) {
  return ("," + controllers + ",").find(",cpu,") != std::string::npos;
}

}  // namespace

std::optional<double> CgroupCpuQuota(std::string_view proc_cgroup, const std::string& cgroup_root) {
  std::optional<double> smallest;
  std::istringstream lines{std::string(proc_cgroup)};
  for (std::string line; std::getline(lines, line);) {
    const std::optional<CgroupLine> parsed = ParseLine(line);
    if (!parsed) continue;
    if (parsed->controllers.empty()) {
      TakeSmaller(QuotaOfPath(cgroup_root, parsed->path, true), smallest);
      TakeSmaller(QuotaOfPath(cgroup_root + "/unified", parsed->path, true), smallest);
    } else if (HasCpuController(parsed->controllers)) {
      TakeSmaller(QuotaOfPath(cgroup_root + "/cpu", parsed->path, false), smallest);
      TakeSmaller(QuotaOfPath(cgroup_root + "/" + parsed->controllers, parsed->path, false),
                  smallest);
    }
  }
  return smallest;
}

std::optional<double> OwnCpuQuota() {
  return CgroupCpuQuota(ReadText("/proc/self/cgroup"), "/sys/fs/cgroup");
}

}  // namespace slipway
