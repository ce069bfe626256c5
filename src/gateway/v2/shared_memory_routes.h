// The shared memory extensions of the V2 protocol over REST: system, and CUDA, which is not served.
#pragma once

#include <string_view>
#include <vector>

#include "gateway/v2/endpoints.h"
#include "net/router.h"

namespace slipway::gateway::v2 {

// The regions to tell: one, or all where `region` is empty. NOT_FOUND / REGION_UNKNOWN.
Result<std::vector<RegionStatus>> RegionsOf(const Environment& environment,
                                            std::string_view region);
// UNIMPLEMENTED / SHARED_MEMORY_UNSUPPORTED where there is none for clients.
Result<void> RegisterRegion(const Environment& environment, const RegionStatus& region);
// Empty: all of them.
void UnregisterRegion(const Environment& environment, std::string_view region);
// What a request to register CUDA shared memory is told.
Error NoCudaMemory(std::string_view region);

std::vector<net::Route> SharedMemoryRoutes(Environment& environment);

}  // namespace slipway::gateway::v2
