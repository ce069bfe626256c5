// The folder of unpacked models is a cache: what no revision uses is removed when it grows too big.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"

namespace slipway::agent {

struct UnpackedEntry {
  std::string name;  // hex of a manifest's digest, or what a crash left behind: *.partial
  uint64_t size_bytes = 0;
  int64_t modified_ms = 0;
};

// What is to go: leftovers always, then the oldest of those that are not in use until the rest is
// within the limit. Names sorted as they are to be removed.
std::vector<std::string> ChooseEvictions(std::vector<UnpackedEntry> entries,
                                         const std::set<std::string>& in_use, uint64_t limit_bytes);

// Blocking. Nobody may unpack meanwhile. An entry is first renamed, so that a crash leaves no half
// of it under its name.
Result<void> SweepUnpacked(FileSystem& files, const std::string& folder,
                           const std::set<std::string>& in_use, uint64_t limit_bytes);

}  // namespace slipway::agent
