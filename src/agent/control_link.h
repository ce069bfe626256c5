// ControlLink: all that the agent of a site asks of the control centre. In the control centre's own
// process it is a few calls; at another site the same over HTTP.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "async/task.h"
#include "base/digest.h"
#include "base/result.h"
#include "runtime/site_state.h"

namespace slipway::agent {

class ControlLink {
 public:
  virtual ~ControlLink() = default;

  // The desired state of this site as soon as its version is not `known` (0: at once). Cancellable.
  virtual Task<Result<runtime::DesiredState>> Desired(uint64_t known) = 0;
  // Keeps what the site measured. Repeating it is harmless.
  virtual Task<Result<void>> Report(runtime::SiteReport report) = 0;

  // Blocking; called on the blocking pool. The bytes are not trusted: the agent verifies them.
  // NOT_FOUND for what does not exist (any more), which fails the revision; other errors are
  // tried again.
  virtual Result<std::string> Manifest(const std::string& repository, const Digest& digest) = 0;
  // Blocking. Calls `sink` with the bytes in order; an error of the sink ends it.
  using Sink = std::function<Result<void>(std::string_view piece)>;
  virtual Result<void> Blob(const std::string& repository, const Digest& digest,
                            const Sink& sink) = 0;
};

}  // namespace slipway::agent
