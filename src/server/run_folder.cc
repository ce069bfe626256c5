#include "server/run_folder.h"

#include <nlohmann/json.hpp>

#include "base/json.h"

namespace slipway::server {

std::string UrlOf(const PortsFile& ports, uint16_t port) {
  const bool is_v6 = ports.address.find(':') != std::string::npos;
  return std::string(ports.has_tls ? "https://" : "http://") +
         (is_v6 ? "[" + ports.address + "]" : ports.address) + ":" + std::to_string(port);
}

Result<void> WritePorts(FileSystem& files, const std::string& path, const PortsFile& ports) {
  Json json = {{"pid", ports.pid}, {"address", ports.address}, {"tls", ports.has_tls}};
  if (ports.api != 0) json["api"] = ports.api;
  json["inference_rest"] = ports.rest;
  if (ports.grpc != 0) json["inference_grpc"] = ports.grpc;
  if (ports.metrics != 0) json["metrics"] = ports.metrics;
  return WriteFileDurably(files, path, DumpJson(json) + "\n", 0644);
}

}  // namespace slipway::server
