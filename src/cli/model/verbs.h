// The verbs of `slipway model`: models as artifacts. One file a verb; model.cc is the list.
#pragma once

#include "cli/client.h"
#include "cli/command.h"

namespace slipway::cli {

void AddCopy(Command& command, Client& client);

}  // namespace slipway::cli
