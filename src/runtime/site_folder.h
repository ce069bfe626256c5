// Where a site keeps its files. `folder` is DATA/sites/NAME, absolute.
#pragma once

#include <string>
#include <string_view>

namespace slipway::runtime {

// The workload that is the site's data plane.
inline constexpr std::string_view kServeName = "serve";

inline std::string ServingPath(const std::string& folder) {
  return folder + "/serving.json";
}
inline std::string SocketPath(const std::string& folder) {
  return folder + "/serve.sock";
}
// What the data plane runs, for when it dies (engine/blame_page.h).
inline std::string BlamePath(const std::string& folder) {
  return folder + "/blame";
}
// The same of a data plane that has yet to take the place of the one that serves: it moves them to
// the names above when it does.
inline std::string NextSocketPath(const std::string& folder) {
  return SocketPath(folder) + ".next";
}
inline std::string NextBlamePath(const std::string& folder) {
  return BlamePath(folder) + ".next";
}
inline std::string SiteDatabasePath(const std::string& folder) {
  return folder + "/site.db";
}
inline std::string LogFolder(const std::string& folder) {
  return folder + "/logs";
}
inline std::string ServeLogPath(const std::string& folder) {
  return folder + "/logs/serve.log";
}

}  // namespace slipway::runtime
