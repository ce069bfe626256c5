// What a Service needs done: a pure function of the service and its revisions.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "controller/service/canary_window.h"
#include "resource/kinds/service.h"

namespace slipway::controller {

using Service = resource::ResourceOf<resource::ServiceSpec, resource::ServiceStatus>;
using Revision = resource::ResourceOf<resource::RevisionSpec, resource::RevisionStatus>;

// Revisions that are kept besides those in use, so that one can go back to them.
inline constexpr size_t kKeptRevisions = 10;

struct ServicePlan {
  std::optional<resource::RevisionSpec> create;
  std::vector<std::string> retire;  // names: another revision has taken their place
  std::vector<std::string> revive;  // names: retired, and the traffic names them again
  std::vector<std::string> remove;  // names: older than what is kept
  resource::ServiceStatus status;
  std::string canary_progress;  // how the step of the canary goes, where there is one
};

// Digests by "REPOSITORY:TAG"; a tag that is not there has none.
using FollowedTags = std::map<std::string, Digest>;

// What was measured, for services with a canary. Without the time nothing goes on.
struct Measured {
  std::shared_ptr<const FiguresByUid> figures;  // none: nothing is known
  WallTime now;
};

// What spec.traffic names stays: it is neither retired nor removed. Where there is traffic the
// status has a condition `Traffic`, which says who gets what of the default route.
//
// `followed`: where spec.follow is set, what the service's tags point at now. The service's
// packages must be pinned; INTERNAL / MODEL_NOT_PINNED otherwise.
Result<ServicePlan> PlanService(Service service, std::vector<Revision> revisions,
                                const FollowedTags& followed, const Measured& measured = {});

// "fraud-3"
std::string RevisionName(std::string_view service, int64_t number);

}  // namespace slipway::controller
