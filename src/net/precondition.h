// Conditional requests: RFC 9110 section 13.
#pragma once

#include <string_view>

#include "net/http_message.h"

namespace slipway::net {

// Whether the client has the content already whose strong entity tag is `tag` in quotes, as
// `If-None-Match` says: one of a list, weak ones as well, or `*`. GET and HEAD then answer with
// NotModified. Costs a request without that header next to nothing.
bool HasAlready(const HttpRequest& request, std::string_view tag);
// 304, without the headers that the 200 has.
HttpResponse NotModified();

}  // namespace slipway::net
