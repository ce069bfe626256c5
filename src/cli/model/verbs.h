// The verbs of `slipway model`: models as artifacts. One file a verb; model.cc is the list.
#pragma once

#include "cli/client.h"
#include "cli/command.h"

namespace slipway::cli {

void AddCopy(Command& command, Client& client);
void AddDiff(Command& command, Client& client);
void AddHistory(Command& command, Client& client);
void AddLineage(Command& command, Client& client);
void AddModelExport(Command& command, Client& client);
void AddModelInit(Command& command, Client& client);
void AddModelList(Command& command, Client& client);
void AddModelPull(Command& command, Client& client);
void AddModelPush(Command& command, Client& client);
void AddModelRemove(Command& command, Client& client);
void AddModelSave(Command& command, Client& client);
void AddModelTag(Command& command, Client& client);
void AddGenerateKeyPair(Command& command, Client& client);
void AddSign(Command& command, Client& client);
void AddVerify(Command& command, Client& client);

}  // namespace slipway::cli
