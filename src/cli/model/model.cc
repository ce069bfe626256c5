// slipway model VERB ...
#include <array>

#include "cli/commands.h"
#include "cli/model/verbs.h"

namespace slipway::cli {
namespace {

struct Verb {
  const char* name;
  const char* text;
  void (*add)(Command& command, Client& client);
};

constexpr std::array kVerbs = {
    Verb{"copy", "Copy a version to another repository or registry, digests and all", &AddCopy},
    Verb{"inspect", "Show a model version: files, digest, inputs and outputs", &AddInspect},
    Verb{"login", "Sign in to another registry", &AddLogin},
    Verb{"logout", "Forget a sign-in to another registry", &AddLogout},
};

}  // namespace

void AddModel(Command& command, Client& client) {
  for (const Verb& verb : kVerbs) verb.add(command.Sub(verb.name, verb.text), client);
}

}  // namespace slipway::cli
