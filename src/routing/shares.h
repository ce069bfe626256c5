// Shares: which revisions of a service get how much of its requests, as pure decisions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "routing/traffic_spec.h"

namespace slipway::routing {

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
  int64_t number = 0;    // of that revision
  uint32_t weight = 0;   // in no particular unit, above 0
};

// The shares of the traffic; empty when nothing can serve.
//
// The revisions of `split` that are ready get it in proportion to their weights. Without any of
// those, the newest listed revision that is ready gets all: an answer counts for more than a split.
// Without that, and if something is listed, so that a successor is on its way or has failed, those
// that serve now go on.
std::vector<Share> DivideTraffic(std::span<const Candidate> candidates,
                                 std::span<const SplitPart> split);

// The same for the split of a rule: without a revision that is ready, its requests take the
// `otherwise` of the default route.
std::vector<Share> DivideRule(std::span<const Candidate> candidates,
                              std::span<const SplitPart> split, std::span<const Share> otherwise);

// The share whose turn it is; `turn` counts the requests of one split from any number on. Any n
// turns in a row give each share its part of n to within a few requests, not only on average:
// Weyl's sequence of the golden ratio visits all parts evenly. The position among the shares.
size_t PickByTurn(std::span<const Share> shares, uint64_t turn);

// The share that a key stays with: the one with the smallest -ln(u) / weight, where u is a number
// in (0, 1) made of the hash of the key and the number of the revision (KeyHash, below). Each share
// gets its part of all keys. A change of weights by d (half of the sum of the differences) moves
// at most 2d / (1 + d) of the keys, which is the least that a choice without memory can do, and d
// alone where one share changes and the others keep their proportions. The same everywhere and
// for ever: the hash is part of the format.
size_t PickByKey(std::span<const Share> shares, std::string_view key);

// FNV-1a of the key in 64 bits, added to the revision's number times 0x9e3779b97f4a7c15, through
// the finaliser of SplitMix64.
uint64_t KeyHash(std::string_view key, int64_t revision);

// Whether the request with this turn is among `weight` of 10,000.
bool IsPart(int32_t weight, uint64_t turn);

}  // namespace slipway::routing
