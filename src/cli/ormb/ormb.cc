// slipway ormb VERB ...: ormb's command line. A link to the program that is named `ormb` is this.
#include <array>

#include "cli/commands.h"
#include "cli/ormb/verbs.h"

namespace slipway::cli {
namespace {

struct Verb {
  const char* name;
  const char* text;
  void (*add)(Command& command, const ormb::SharedOptions& global);
};

constexpr std::array kVerbs = {
    Verb{"login", "login to a remote registry", &ormb::AddLogin},
    Verb{"save", "Save the model to local cache", &ormb::AddSave},
    Verb{"tag", "Create a tag TARGET_MODEL that refers to SOURCE_MODEL", &ormb::AddTag},
    Verb{"push", "Upload a model to a remote registry", &ormb::AddPush},
    Verb{"pull", "Download a model from a remote registry", &ormb::AddPull},
    Verb{"export", "Export a model stored in local cache", &ormb::AddExport},
    Verb{"remove", "Remove a model in the local cache", &ormb::AddRemove},
    Verb{"models", "List localhost models", &ormb::AddModels},
    Verb{"completion", "Generate completion script", &ormb::AddCompletion},
    Verb{"version", "Show the version information", &ormb::AddVersion},
};

}  // namespace

void AddOrmb(Command& command, Client&) {
  auto global = std::make_shared<ormb::GlobalOptions>();
  command.Option(&global->config, "--config", "FILE",
                 "config file (default is $HOME/.ormb/config.yaml)");
  command.Option(&global->log_level, "--log-level", "N", "Log level (taken, and not used)");
  command.Flag(&global->toggle, "-t,--toggle", "Help message for toggle");
  for (const Verb& verb : kVerbs) verb.add(command.Sub(verb.name, verb.text), global);
}

}  // namespace slipway::cli
