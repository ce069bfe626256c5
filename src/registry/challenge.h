// Challenge: what a client without the right token is told to do about it (RFC 6750, and the token
// authentication of distribution).
#pragma once

#include <string>

#include "base/error.h"
#include "net/http_message.h"
#include "net/router.h"

namespace slipway::registry {

struct ChallengeOptions {
  std::string external_url;  // by which clients reach this port: "https://models.example"; else ...
  bool has_tls = false;      // ... the request's own Host or X-Forwarded-Host and -Proto, and this
  std::string service;       // the token service's name of this registry
};

// The value of WWW-Authenticate: `Bearer realm="ADDRESS/token",service="...",scope="..."` with the
// scope of this very request, and why the token that came does not do. One challenge and not Basic
// besides, which is taken all the same: clients that get both choose differently, and Docker's
// fails without a password. Where no address is known: Basic.
std::string ChallengeOf(const net::HttpRequest& request, const Error& error,
                        const ChallengeOptions& options);

// ErrorResponse, with this challenge where the status is 401.
net::ErrorWriter MakeErrorWriter(ChallengeOptions options);

}  // namespace slipway::registry
