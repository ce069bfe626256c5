// slipway ormb VERB ...: ormb's command line. A link to the program that is named `ormb` is this.
#include "cli/commands.h"
#include "cli/ormb/verbs.h"
#include "cli/verb.h"

namespace slipway::cli {
namespace {

constexpr Verb<const ormb::SharedOptions&> kVerbs[] = {
    {"login", "login to a remote registry", &ormb::AddLogin},
    {"save", "Save the model to local cache", &ormb::AddSave},
    {"tag", "Create a tag TARGET_MODEL that refers to SOURCE_MODEL", &ormb::AddTag},
    {"push", "Upload a model to a remote registry", &ormb::AddPush},
    {"pull", "Download a model from a remote registry", &ormb::AddPull},
    {"export", "Export a model stored in local cache", &ormb::AddExport},
    {"remove", "Remove a model in the local cache", &ormb::AddRemove},
    {"models", "List localhost models", &ormb::AddModels},
    {"completion", "Generate completion script", &ormb::AddCompletion},
    {"version", "Show the version information", &ormb::AddVersion},
};

}  // namespace

void AddOrmb(Command& command, Client&) {
  auto global = std::make_shared<ormb::GlobalOptions>();
  command.Option(&global->config, "--config", "FILE",
                 "config file (default is $HOME/.ormb/config.yaml)");
  command.Option(&global->log_level, "--log-level", "N", "Log level (taken, and not used)");
  command.Flag(&global->toggle, "-t,--toggle", "Help message for toggle");
  for (const auto& verb : kVerbs) verb.add(command.Sub(verb.name, verb.text), global);
}

}  // namespace slipway::cli
