// Traffic: which revisions of a service get requests, as a pure decision.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace slipway::gateway {

// What the decision knows of one revision of a service.
struct Candidate {
  int64_t number = 0;
  bool ready = false;
  // Its configuration still lists it. One that it does not list any more may serve on while no
  // other can.
  bool listed = true;
  bool serving = false;  // gets traffic now
};

struct Share {
  size_t candidate = 0;  // position among the candidates
  uint32_t weight = 0;   // in no particular unit, above 0
};

struct WantedShare {
  int64_t number = 0;
  int32_t weight = 0;
};

// The shares of the traffic; empty when nothing can serve.
//
// `wanted` revisions that are ready get it in proportion to their weights. Without any of those,
// the newest listed revision that is ready gets all. Without that, and if something is listed, so
// that a successor is on its way or has failed, those that serve now go on.
std::vector<Share> DivideTraffic(std::span<const Candidate> candidates,
                                 std::span<const WantedShare> wanted);

// The share that `point`, a random number, falls on.
size_t PickShare(std::span<const Share> shares, uint64_t point);

}  // namespace slipway::gateway
