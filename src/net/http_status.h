// Status codes of HTTP and their phrases.
#pragma once

#include <string_view>

#include "base/error.h"

namespace slipway::net {

// "Not Found"; "Unknown" for a number that has no phrase here.
std::string_view StatusPhrase(int status);
// "HTTP/1.1 404 Not Found\r\n", made once for every status of StatusPhrase; empty for others.
std::string_view StatusLine(int status);
// The canonical code that a status of another server stands for, where its body does not say one.
Code CodeOfStatus(int status);

}  // namespace slipway::net
