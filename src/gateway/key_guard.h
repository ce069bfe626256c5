// KeyGuard: who may call which route of the data plane.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "gateway/core_slot.h"
#include "net/router.h"

namespace slipway::gateway {

// Who may change the state of the data plane while it runs.
struct ControlAccess {
  bool is_managed = true;            // nobody: an agent does
  std::string token_sha256;          // who sends the token of this hash, in hex; empty: nobody
  bool is_open_on_loopback = false;  // who asks from this machine, where there is no token
};

// FAILED_PRECONDITION / MANAGED, PERMISSION_DENIED / CONTROL_CLOSED, UNAUTHENTICATED /
// TOKEN_MISSING or TOKEN_INVALID.
Result<void> CheckControl(const ControlAccess& control, bool peer_is_loopback,
                          std::optional<std::string_view> authorization);

// The guard of the data plane's listeners. A key is sent as `Authorization: Bearer KEY` or as the
// password of Basic. Rules: kOpen: anybody. kLocal: loopback peers, elsewhere a key that is good
// for some service. kInference: as the service says; a service that does not exist lets the call
// through, and the handler answers that it does not exist. kControl: CheckControl. Errors:
// UNAUTHENTICATED / TOKEN_MISSING, TOKEN_INVALID, TOKEN_EXPIRED; PERMISSION_DENIED /
// TOKEN_OTHER_SERVICE.
net::QuickGuard MakeKeyGuard(CoreSlots& slots, Clock& clock, const ControlAccess& control);

// The rule kInference by itself: whether who sent this Authorization may infer on the service. The
// key, which lives as long as the core's snapshot; nullptr where none is needed.
Result<const KeyEntry*> CheckKey(CoreSlot& core, Clock& clock, const ServiceEntry& service,
                                 std::optional<std::string_view> authorization);
// The key that was sent, expired or not; nullptr where it is none of the service's.
const KeyEntry* FindKey(CoreSlot& core, const ServiceEntry& service,
                        std::optional<std::string_view> authorization);

// The project of services that are named without one.
inline constexpr std::string_view kDefaultProject = "default";
// The project of a request: the route's parameter {project}, else `default`.
std::string_view ProjectOf(const net::HttpRequest& request);

}  // namespace slipway::gateway
