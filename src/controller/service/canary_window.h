// What revisions did in one step of a canary, and whether that is good enough: pure functions.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "resource/kinds/canary.h"
#include "runtime/revision_figures.h"

namespace slipway::controller {

// By uid of the revision.
using FiguresByUid = std::map<std::string, runtime::RevisionFigures>;

// The counters that the conditions of `spec` look at.
resource::CanaryCounts CountsOf(const resource::CanarySpec& spec,
                                const runtime::RevisionFigures& figures);

// Adds what was counted since the window was written. Counters that began anew, or were not known
// then, count from 0; the first that a window sees are where it begins.
void Observe(const resource::CanaryCounts& now, resource::CanaryWindow& window);

// What the conditions say of the new revision.
struct CanaryVerdict {
  enum class Kind { kPassed, kNotYet, kFailed };
  Kind kind = Kind::kPassed;
  // Failed: what does not hold; not yet: what is missing. One clause.
  std::string reason;
  // The figures of all conditions that were looked at: "errorRate 0.2 % (at most 1 %)".
  std::string figures;
};

// `stable` is nothing where the stable revision gets no requests in this step: then ratios are not
// looked at.
CanaryVerdict Judge(const resource::CanarySpec& spec, const resource::CanaryCounts& canary,
                    const resource::CanaryCounts* stable);

// The value below which `quantile` of what a histogram holds lies, in seconds; within a bucket it
// is taken to be spread evenly. Nothing for an empty one.
std::optional<double> QuantileSeconds(const std::vector<uint64_t>& buckets, double quantile);

}  // namespace slipway::controller
