// What a site's report changes: pure functions of the resources and the report.
#pragma once

#include <optional>

#include "controller/service/plan.h"
#include "resource/kinds/site.h"
#include "runtime/site_state.h"

namespace slipway::controller {

// The revision's next status; nothing if the report does not speak of it (another uid), it is
// retired, or nothing changes.
std::optional<resource::RevisionStatus> RevisionStatusAfter(const Revision& revision,
                                                            const runtime::RevisionReport& report);

// The part of the site's status that is kept: what does not change with every report.
resource::SiteStatus SiteStatusAfter(const runtime::SiteReport& report, uint64_t generation);

}  // namespace slipway::controller
