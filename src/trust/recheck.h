// Lasting answers: a stream that was opened with a token ends with it.
#pragma once

#include <functional>

#include "base/result.h"
#include "net/http_message.h"
#include "trust/access.h"

namespace slipway::trust {

// Whether the caller may still read what he opened. Cheap; called by one thread at a time.
using Recheck = std::function<Result<void>()>;

// Of the token that `request` was sent with, and of its identity, which the guard filled in.
// UNAUTHENTICATED / TOKEN_REVOKED or TOKEN_EXPIRED; PERMISSION_DENIED / TOKEN_CHANGED when the
// token gives other roles now. A request without a token, let in by `anonymous`, stays so. Keeps
// nothing of `request`; `authenticator` outlives the result.
Recheck MakeRecheck(Authenticator& authenticator, const net::HttpRequest& request);

}  // namespace slipway::trust
