// The command line for everything but the programs `slipway server` and `slipway serve`.
#pragma once

namespace slipway::cli {

// Parses, runs the verb, prints an error as one sentence; returns the exit code.
int RunCommandLine(int argc, const char* const* argv);

}  // namespace slipway::cli
