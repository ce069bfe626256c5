// The room on the disk of the data folder: what uploads leave, what is said about it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/metrics.h"
#include "store/object/object_store.h"

namespace slipway::server {

// Kept for the database, the site's files and logs: a large push must not stop a small change.
inline constexpr uint64_t kDiskReserveBytes = uint64_t{32} << 20;

store::DiskReserve ReserveOf(std::string data_folder);

// RESOURCE_EXHAUSTED / DISK_FULL when the reserve is touched: what is large and can wait, waits.
Result<void> CheckReserve(const std::string& data_folder);

// One sentence if uploads are refused, or everything is, for want of room; else empty. Blocking.
std::string DiskWarning(const std::string& data_folder);

// slipway_data_free_bytes, read when metrics are.
[[nodiscard]] std::unique_ptr<MetricCollection> CollectDiskRoom(std::string data_folder);

}  // namespace slipway::server
