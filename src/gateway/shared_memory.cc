#include "gateway/shared_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "base/utf8.h"
#include "gateway/limits.h"

namespace slipway::gateway {
namespace {

Error Invalid(const std::string& name, const std::string& why) {
  return InvalidArgument("REGION_INVALID",
                         "failed to register shared memory region '" + name + "': " + why);
}

bool IsName(std::string_view text, size_t most) {
  return !text.empty() && text.size() <= most && !FindInvalidUtf8(text) &&
         std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

// As shm_open wants it: one name, with or without a slash in front. It leads nowhere else.
Result<std::string> KeyOf(const RegionStatus& region) {
  std::string_view name = region.key;
  if (name.starts_with('/')) name.remove_prefix(1);
  constexpr size_t kMost = 250;
  if (!IsName(name, kMost) || name.find('/') != std::string_view::npos || name == "." ||
      name == "..") {
    return Invalid(region.name, "the key must be one name, such as /input_data");
  }
  return "/" + std::string(name);
}

// The size of what the descriptor names; nothing for what is no memory.
std::optional<uint64_t> SizeOf(int descriptor) {
  struct stat status{};
  if (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  return static_cast<uint64_t>(status.st_size);
}

}  // namespace

Error SharedRegion::Shrunk() const {
  return InvalidArgument("REGION_SHRUNK", "shared memory region '" + status_.name +
                                              "' is smaller than it was when it was registered: "
                                              "unregister it, and register it anew");
}

Result<void> SharedRegion::CheckRange(uint64_t offset, uint64_t size) const {
  if (offset <= status_.byte_size && size <= status_.byte_size - offset) return {};
  return InvalidArgument("REGION_RANGE", "Invalid offset + byte size for shared memory region: '" +
                                             status_.name + "': it has " +
                                             std::to_string(status_.byte_size) + " bytes");
}

Result<void> SharedRegion::Read(uint64_t offset, uint64_t size, char* out) const {
  TRY_VOID(CheckRange(offset, size));
  uint64_t done = 0;
  while (done < size) {
    const ssize_t got = pread(descriptor_.get(), out + done, size - done,
                              static_cast<off_t>(status_.offset + offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return Shrunk();
    done += static_cast<uint64_t>(got);
  }
  return {};
}

Result<void> SharedRegion::Write(uint64_t offset, std::string_view bytes) const {
  TRY_VOID(CheckRange(offset, bytes.size()));
  uint64_t at = status_.offset + offset;
  // A write behind the end would make what was shrunk large again.
  const std::optional<uint64_t> size = SizeOf(descriptor_.get());
  if (!size || *size < at + bytes.size()) return Shrunk();
  while (!bytes.empty()) {
    const ssize_t put =
        pwrite(descriptor_.get(), bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return Shrunk();
    at += static_cast<uint64_t>(put);
    bytes.remove_prefix(static_cast<size_t>(put));
  }
  return {};
}

Result<void> SharedMemory::Register(const RegionStatus& region) {
  if (!IsName(region.name, kMaxRegionNameBytes)) {
    return InvalidArgument("REGION_INVALID",
                           "failed to register shared memory region: its name must be text of at "
                           "most " +
                               std::to_string(kMaxRegionNameBytes) + " bytes");
  }
  TRY(key, KeyOf(region));
  if (region.byte_size == 0 || region.offset > INT64_MAX ||
      region.byte_size > INT64_MAX - region.offset) {
    return Invalid(region.name, "offset and byte_size are no part of a memory");
  }
  Descriptor descriptor(shm_open(key.c_str(), O_RDWR, 0));
  if (!descriptor) {
    return InvalidArgument("REGION_OPEN", "Unable to open shared memory region: '" + region.name +
                                              "': " + SystemError(errno, key).message());
  }
  const std::optional<uint64_t> size = SizeOf(descriptor.get());
  if (!size || *size < region.offset + region.byte_size) {
    return Invalid(region.name, "'" + key + "' has " + std::to_string(size.value_or(0)) +
                                    " bytes, fewer than offset + byte_size");
  }
  auto made = std::make_shared<const SharedRegion>(region, std::move(descriptor));
  return regions_.With([&](Regions& regions) -> Result<void> {
    if (regions.contains(region.name)) {
      return Error(Code::kAlreadyExists, "REGION_EXISTS",
                   "shared memory region '" + region.name + "' already in manager");
    }
    if (regions.size() >= kMaxSharedRegions) {
      return ResourceExhausted("REGIONS_TOO_MANY",
                               "there are " + std::to_string(kMaxSharedRegions) +
                                   " shared memory regions, and no more: unregister some");
    }
    regions.emplace(region.name, std::move(made));
    return {};
  });
}

void SharedMemory::Unregister(std::string_view name) {
  regions_.With([&](Regions& regions) {
    if (const auto found = regions.find(name); found != regions.end()) regions.erase(found);
  });
}

void SharedMemory::UnregisterAll() {
  regions_.With([](Regions& regions) { regions.clear(); });
}

Result<std::shared_ptr<const SharedRegion>> SharedMemory::Find(std::string_view name) const {
  auto region = regions_.With([&](const Regions& regions) -> std::shared_ptr<const SharedRegion> {
    const auto found = regions.find(name);
    return found == regions.end() ? nullptr : found->second;
  });
  if (region != nullptr) return region;
  return NotFound("REGION_UNKNOWN",
                  "Unable to find shared memory region: '" + std::string(name) + "'");
}

std::vector<RegionStatus> SharedMemory::Status() const {
  return regions_.With([](const Regions& regions) {
    std::vector<RegionStatus> all;
    for (const auto& [name, region] : regions) all.push_back(region->status());
    return all;
  });
}

}  // namespace slipway::gateway
