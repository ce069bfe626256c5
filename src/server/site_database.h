// site.db, the agent's records: made again when it is lost.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "runtime/driver.h"
#include "store/meta/meta_store.h"

namespace slipway::server {

struct SiteDatabaseOptions {
  std::string folder;               // of the site, absolute; it exists
  std::chrono::milliseconds grace;  // for a data plane that has to end
};

// Opens site.db. One that is damaged, in a page or in the agent's record, is moved aside, to
// site.db.damaged-TIME, and made anew. Where there is none, or none with a record, a data plane
// that still runs for the site is ended first: no record would name it. DEADLINE_EXCEEDED /
// WORKLOAD_STUCK if it does not end. Blocking.
Result<std::unique_ptr<store::MetaStore>> OpenSiteDatabase(const SiteDatabaseOptions& options,
                                                           runtime::Driver& driver, Clock& clock);

}  // namespace slipway::server
