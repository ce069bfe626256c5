// The CPU quota of a cgroup.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace slipway {

// The smallest CPU quota, in cores, of the cgroup (v1 or v2) that `proc_cgroup` (the content of
// /proc/self/cgroup) names and of its parents, with the hierarchies mounted at `cgroup_root`;
// nothing if there is no quota. In a container whose cgroup is mounted as the root, the path is
// missing below `cgroup_root` and the root counts.
std::optional<double> CgroupCpuQuota(std::string_view proc_cgroup, const std::string& cgroup_root);
// That of this process.
std::optional<double> OwnCpuQuota();

}  // namespace slipway
