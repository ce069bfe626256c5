// ErrorResponse: the V2 protocol's way to say that something went wrong.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http_message.h"

namespace slipway::gateway::v2 {

// `{"error": text}` with the status of the error: the one place where this protocol picks one.
net::HttpResponse ErrorResponse(const Error& error);
// The same body for what the server refuses before there is a request; the status is that of net.
net::HttpResponse RefusalResponse(const Error& error);
int StatusOf(const Error& error);
// Errors may quote what a client sent, and JSON and protobuf's strings are UTF-8: bytes that are
// not become U+FFFD.
std::string Utf8Of(std::string_view text);

}  // namespace slipway::gateway::v2
