// The one place where an error becomes the registry protocol's status and body.
#pragma once

#include <string_view>

#include "base/error.h"
#include "net/http_message.h"

namespace slipway::registry {

// The header of every answer.
inline constexpr std::string_view kVersionHeader = "Docker-Distribution-Api-Version";
inline constexpr std::string_view kVersionValue = "registry/2.0";

// `{"errors":[{"code","message","detail"?}]}` with a code of distribution-spec's list. 405 carries
// the methods; the challenge of 401 is written by MakeErrorWriter (challenge.h), the error writer
// of the router for paths that begin with "/v2". What went wrong inside is logged, not told.
net::HttpResponse ErrorResponse(const net::HttpRequest& request, const Error& error);

// What the server itself refuses before there is a request: a head that is too large or malformed.
net::HttpResponse RefusalResponse(const Error& error);

}  // namespace slipway::registry
