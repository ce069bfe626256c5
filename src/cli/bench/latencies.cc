#include "cli/bench/latencies.h"

#include <algorithm>
#include <cmath>

namespace slipway::cli {

uint64_t Latencies::BoundOf(size_t bucket) {
  if (bucket < 2 * kParts) return bucket;
  const size_t shift = (bucket >> kPartBits) - 1;
  const uint64_t top = bucket - (shift << kPartBits);
  return ((top + 1) << shift) - 1;
}

Latencies::Nanoseconds Latencies::Quantile(double share) const {
  const auto wanted = static_cast<uint64_t>(std::ceil(share * static_cast<double>(count_)));
  uint64_t seen = 0;
  for (size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= wanted && seen > 0) return Nanoseconds(std::min(BoundOf(i), max_ns_));
  }
  return Nanoseconds(0);
}

uint64_t Latencies::CountUpTo(Nanoseconds latency) const {
  uint64_t seen = 0;
  for (size_t i = 0; i <= BucketOf(static_cast<uint64_t>(latency.count())); ++i) seen += counts_[i];
  return seen;
}

}  // namespace slipway::cli
