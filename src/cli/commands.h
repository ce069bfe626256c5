// All verbs, one file each. Adding one: its Add function here, a line in kVerbs of command_line.cc.
#pragma once

#include "cli/client.h"
#include "cli/command.h"

namespace slipway::cli {

void AddApply(Command& command, Client& client);
void AddCanary(Command& command, Client& client);
void AddContext(Command& command, Client& client);
void AddDelete(Command& command, Client& client);
void AddDeploy(Command& command, Client& client);
void AddDescribe(Command& command, Client& client);
void AddEvents(Command& command, Client& client);
void AddExplain(Command& command, Client& client);
void AddGet(Command& command, Client& client);
void AddInfer(Command& command, Client& client);
void AddBench(Command& command, Client& client);
void AddInspect(Command& command, Client& client);
void AddLogin(Command& command, Client& client);
void AddLogout(Command& command, Client& client);
void AddLogs(Command& command, Client& client);
void AddModel(Command& command, Client& client);
void AddModels(Command& command, Client& client);
void AddOrmb(Command& command, Client& client);
void AddOrmbStorageInitializer(Command& command, Client& client);
void AddPull(Command& command, Client& client);
void AddPush(Command& command, Client& client);
void AddRegistry(Command& command, Client& client);
void AddRollback(Command& command, Client& client);
void AddServices(Command& command, Client& client);
void AddStatus(Command& command, Client& client);
void AddToken(Command& command, Client& client);
void AddTop(Command& command, Client& client);
void AddTraffic(Command& command, Client& client);
void AddUpgrade(Command& command, Client& client);
void AddVersion(Command& command, Client& client);

}  // namespace slipway::cli
