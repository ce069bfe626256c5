// SiteDesk: where the agent of a site gets its desired state and leaves its report.
#pragma once

#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>

#include "async/task.h"
#include "resource/kinds/service.h"
#include "resource/kinds/site.h"
#include "resource/resource_store.h"
#include "runtime/site_state.h"

namespace slipway::controller {

struct SiteDeskOptions {
  std::string site{resource::kLocalSite};
  // Of services whose spec leaves it open: anonymous where the site listens on loopback only.
  resource::InferenceAccess default_access = resource::InferenceAccess::kToken;
};

// Recomputes what a change of a Service, a Revision, a Project or a Token concerns (one service,
// where it is no more), and hands the desired state out when it really is another one. Reports
// become the status of Revisions and of the Site.
class SiteDesk {
 public:
  // `executor` is one core's; `store` outlives the desk.
  SiteDesk(asio::any_io_executor executor, resource::ResourceStore& store,
           SiteDeskOptions options = {});
  ~SiteDesk();

  void Start();
  Task<void> Stop();

  // Both from any executor. The state as soon as its version is not `known` (0: at once). CANCELLED
  // / WATCH_CANCELLED when the caller was cancelled.
  Task<Result<runtime::DesiredState>> Desired(uint64_t known);
  // Writes only what has changed.
  Task<Result<void>> Report(runtime::SiteReport report);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace slipway::controller
