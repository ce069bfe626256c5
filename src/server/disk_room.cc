#include "server/disk_room.h"

#include <utility>

#include <fmt/format.h>

#include "base/disk_space.h"

namespace slipway::server {

store::DiskReserve ReserveOf(std::string data_folder) {
  return {.bytes = kDiskReserveBytes,
          .free_bytes = [folder = std::move(data_folder)] { return FreeDiskBytes(folder); }};
}

Result<void> CheckReserve(const std::string& data_folder) {
  return ReserveOf(data_folder).Check(0);
}

std::string DiskWarning(const std::string& data_folder) {
  const Result<uint64_t> room = FreeDiskBytes(data_folder);
  if (!room) return "the room on the disk of the data folder is unknown: " + room.error().message();
  if (*room >= kDiskReserveBytes) return {};
  return fmt::format(
      "the disk of the data folder is full: {} bytes are left, pushes are refused below {}", *room,
      kDiskReserveBytes);
}

std::unique_ptr<MetricCollection> CollectDiskRoom(std::string data_folder) {
  return CollectMetrics([folder = std::move(data_folder)](MetricSink& sink) {
    const Result<uint64_t> room = FreeDiskBytes(folder);
    if (!room) return;
    sink.Gauge("slipway_data_free_bytes", "Room on the disk of the data folder", {},
               static_cast<double>(*room));
  });
}

}  // namespace slipway::server
