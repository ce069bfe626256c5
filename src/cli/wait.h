// Waiting for what controllers do, by watching.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "cli/api_client.h"
#include "resource/kinds.h"

namespace slipway::cli {

// Where a wait gives up: that many seconds from now, 300 if nothing is said.
SteadyTime WaitLimit(Clock& clock, std::optional<int64_t> seconds);

// Whether a Service, as the API shows it, has settled since its generation `generation`: Ready, or
// failed (phase Failed, or Degraded, where an older revision goes on serving), or its new revision
// is ready and on trial, which takes as long as its canary does.
enum class Settled : uint8_t { kNotYet, kReady, kFailed, kOnTrial };
Settled SettledAt(const Json& service, int64_t generation);

// Waits until the service has settled and returns it. DEADLINE_EXCEEDED / WAIT_TIMEOUT says where
// it stands; NOT_FOUND / SERVICE_DELETED if it went away. Phases passed through are noted.
Result<Json> WaitUntilSettled(ApiClient& api, const std::string& project, const std::string& name,
                              int64_t generation, SteadyTime limit);

Result<void> WaitUntilGone(ApiClient& api, const resource::KindInfo& kind,
                           const std::string& project, const std::string& name, SteadyTime limit);

// The sentence of the condition Ready; empty if there is none.
std::string ReadyMessage(const Json& resource);

}  // namespace slipway::cli
