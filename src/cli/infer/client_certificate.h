// How verbs that ask a data plane say who they are.
#pragma once

#include "cli/client.h"
#include "cli/command.h"

namespace slipway::cli {

// --cert and --key, in place of the context's.
void AddCertificateOptions(Command& command, Client& client);

}  // namespace slipway::cli
