// What callers see of errors: in Klever's words, and in Harbor's.
#pragma once

#include "net/http_message.h"

namespace slipway::klever {

// {message, reason, data}: `reason` as everywhere in Slipway, `data` the error's details, if it has
// any.
net::HttpResponse KleverErrorResponse(const net::HttpRequest& request, const Error& error);
// {errors: [{code, message}]}.
net::HttpResponse HarborErrorResponse(const net::HttpRequest& request, const Error& error);

// The router's error writers for /api/v1alpha1 and /api/v2.0. Paths of Klever that are answered
// elsewhere, or not at all, say where.
net::HttpResponse WriteKleverError(const net::HttpRequest& request, const Error& error);
net::HttpResponse WriteHarborError(const net::HttpRequest& request, const Error& error);

}  // namespace slipway::klever
