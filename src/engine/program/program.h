// A program that is not ours, started and watched by its worker.
#pragma once

#include <memory>

#include "base/result.h"
#include "engine/program/settings.h"
#include "exec/model.h"

namespace slipway::engine::program {

// Starts the program, once in a process, and waits until it is ready. From then on the program's
// end is that of this process, by the same signal or code; and where the one who started this
// process ends, all that it started is killed. Errors: those of Folders, Child and ConnectV2.
Result<std::unique_ptr<exec::Model>> StartProgram(const Settings& settings);

// Asks the program to end, and removes what was made for it.
void EndProgram();

}  // namespace slipway::engine::program
