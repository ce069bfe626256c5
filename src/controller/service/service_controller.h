// The Service controller: makes the revisions that services ask for and tells where they stand.
#pragma once

#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>

#include "async/task.h"
#include "controller/service/plan.h"
#include "resource/resource_store.h"
#include "runtime/site_state.h"

namespace slipway::controller {

// Level-triggered: every change of a Service, of one of its Revisions or of a Model that it follows
// makes it plan that service anew, in one transaction. Nothing is kept between two plans, so it may
// be stopped at any point and started again.
class ServiceController {
 public:
  // `executor` is one core's; `store` outlives the controller.
  ServiceController(asio::any_io_executor executor, resource::ResourceStore& store);
  ~ServiceController();

  void Start();
  Task<void> Stop();

  // Takes in what a site measured: canaries go on by it. Nothing of it is kept but the newest; what
  // is needed later is in the statuses. From any thread, until Stop.
  void Note(const runtime::SiteReport& report);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// Plans and acts for one service; what the controller does, for tests. A service that is gone is no
// error.
Result<void> ReconcileService(resource::ResourceTransaction& transaction,
                              const resource::Key& service);

}  // namespace slipway::controller
