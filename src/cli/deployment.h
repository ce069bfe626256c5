// What deploy, upgrade and rollback have in common: change a service, wait, say what came of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "cli/client.h"

namespace slipway::cli {

struct WaitOptions {
  bool no_wait = false;
  std::optional<int64_t> timeout_s;
};

// The reference with its digest, as the registry has it now: "default/magika:v1@sha256:...".
// NOT_FOUND / MANIFEST_UNKNOWN.
Result<std::string> PinReference(ApiClient& api, const ModelName& model);

// Waits for the service (unless told not to) and prints what it is now. `changed`: false if the
// request changed nothing. FAILED_PRECONDITION / REVISION_FAILED, with the reason, if the revision
// failed.
Result<void> FinishDeployment(Client& client, const std::string& project, const Json& service,
                              bool changed, const WaitOptions& options);

}  // namespace slipway::cli
