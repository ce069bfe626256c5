// The programs behind `slipway VERB` that are no command-line verbs.
#pragma once

#include "base/result.h"

namespace slipway::server {

// `argv` begins at the verb. They return when SIGINT or SIGTERM came and everything was stopped,
// at once after --help, or with the error that kept them from starting.
Result<void> RunServer(int argc, const char* const* argv);  // slipway server
Result<void> RunServe(int argc, const char* const* argv);   // slipway serve
// What serve starts for a model in a process of its own; returns when serve has no more use for it.
Result<void> RunWorker(int argc, const char* const* argv);  // slipway worker

}  // namespace slipway::server
