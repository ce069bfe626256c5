// What a site should run: a pure function of the resources.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "controller/service/plan.h"
#include "resource/kinds/service.h"
#include "runtime/site_state.h"

namespace slipway::controller {

struct DesiredInput {
  std::vector<Service> services;
  std::vector<Revision> revisions;
  // Tokens that may infer, by project and name of the service.
  std::map<std::pair<std::string, std::string>, std::vector<runtime::ServingKey>> keys;
  // Of services whose spec leaves it open.
  resource::InferenceAccess default_access = resource::InferenceAccess::kToken;
  // Projects that forbid anonymous inference, whatever their services say.
  std::set<std::string> token_only_projects;
};

// How a service may be called: what its spec says, else the site's default, unless the project
// forbids it.
resource::InferenceAccess AccessOf(const DesiredInput& input, const Service& service);

// A service has its ready revision, which goes on serving, the latest, which is to be loaded, and
// those that its traffic names. Without traffic the latest is the only one once it is ready, and
// the ready one when that failed. A service with none is there without revisions. The version is
// the caller's.
runtime::DesiredState ComputeDesiredState(const DesiredInput& input);

}  // namespace slipway::controller
