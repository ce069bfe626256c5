// Files by which other programs of this machine find a running program.
#pragma once

#include <cstdint>
#include <string>

#include "base/file_system.h"
#include "base/result.h"

namespace slipway::server {

// ports.json: which process listens where. It is there while the program runs, and after it was
// killed: compare `pid`. {"pid", "address", "tls", "api"?, "inference_rest", "inference_grpc"?,
// "metrics"?}
struct PortsFile {
  int64_t pid = 0;
  std::string address;
  bool has_tls = false;  // all of them speak https
  uint16_t api = 0;      // 0: none
  uint16_t rest = 0;
  uint16_t grpc = 0;
  uint16_t metrics = 0;
};
// Where a port of the program answers: "http://127.0.0.1:8000".
std::string UrlOf(const PortsFile& ports, uint16_t port);
Result<void> WritePorts(FileSystem& files, const std::string& path, const PortsFile& ports);

inline std::string PortsPath(const std::string& run_path) {
  return run_path + "/ports.json";
}
inline std::string AdminTokenPath(const std::string& run_path) {
  return run_path + "/admin.token";
}

}  // namespace slipway::server
