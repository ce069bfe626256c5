// Revocation: a token that was deleted is worth nothing at once, not when the cached verdict ends.
#pragma once

#include <boost/asio/any_io_executor.hpp>

#include "async/task.h"
#include "async/task_group.h"
#include "resource/resource_store.h"
#include "trust/access.h"

namespace slipway::server {

// Tells the authenticator of each Token that goes, whatever removed it. Both arguments outlive it.
class RevocationWatch {
 public:
  RevocationWatch(asio::any_io_executor executor, resource::ResourceStore& store,
                  trust::Authenticator& authenticator);

  void Start();
  Task<void> Stop();

 private:
  resource::ResourceStore& store_;
  trust::Authenticator& authenticator_;
  TaskGroup tasks_;
};

}  // namespace slipway::server
