#include "server/run_folder.h"

#include <nlohmann/json.hpp>

#include "base/json.h"

namespace slipway::server {

Result<void> WritePorts(FileSystem& files, const std::string& path, const PortsFile& ports) {
  Json json = {{"pid", ports.pid}, {"address", ports.address}, {"tls", ports.has_tls}};
  if (ports.api != 0) json["api"] = ports.api;
  json["inference_rest"] = ports.rest;
  if (ports.metrics != 0) json["metrics"] = ports.metrics;
  return WriteFileDurably(files, path, DumpJson(json) + "\n", 0644);
}

}  // namespace slipway::server
