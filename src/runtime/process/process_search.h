// Processes of the process driver that nothing on disk names any more.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/driver.h"

namespace slipway::runtime {

// Handles of all living processes of this user that a process driver started as workload `name`
// with working directory `folder`, for the case that the record of them is lost. Blocking.
std::vector<WorkloadHandle> FindProcesses(std::string_view name, const std::string& folder);

}  // namespace slipway::runtime
