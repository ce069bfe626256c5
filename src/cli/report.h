// How a program that failed says so.
#pragma once

#include "base/error.h"

namespace slipway::cli {

// Prints the error and its causes as one line on standard error; returns the exit code. With
// SLIPWAY_ERRORS=json the line is {"error": {code, reason, message, details}}.
int ReportError(const Error& error);

}  // namespace slipway::cli
