// The words of an error in the site's report, which users read: paths are for the log.
#pragma once

#include <string>

#include "base/error.h"

namespace slipway::agent {

inline std::string ReportText(const Error& error) {
  if (error.reason() != "DISK_FULL") return error.message();
  return "the disk of the site is full: free space there, it is tried again by itself";
}

}  // namespace slipway::agent
