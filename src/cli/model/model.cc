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
    Verb{"init", "Write model.yaml for a folder: what is to be known of its model", &AddModelInit},
    Verb{"save", "Package a file or folder into the local store", &AddModelSave},
    Verb{"push", "Push what was saved, or a file or folder, to a registry", &AddModelPush},
    Verb{"pull", "Fetch a model from a registry into the local store", &AddModelPull},
    Verb{"export", "Write a model's files into a folder", &AddModelExport},
    Verb{"tag", "Give a model one more name", &AddModelTag},
    Verb{"list", "List the models of the local store", &AddModelList},
    Verb{"remove", "Remove names, and free what has none any more", &AddModelRemove},
    Verb{"copy", "Copy a version to another repository or registry, digests and all", &AddCopy},
    Verb{"sign", "Sign a version with a key, as cosign does", &AddSign},
    Verb{"verify", "Check that a version is signed with a key", &AddVerify},
    Verb{"generate-key-pair", "Make the two files of a key for signing", &AddGenerateKeyPair},
    Verb{"history", "Show how the tags of a model moved, and what changed", &AddHistory},
    Verb{"diff", "Compare two versions: files, metadata, inputs and outputs", &AddDiff},
    Verb{"lineage", "Show what a version was made from, what came of it, what uses it",
         &AddLineage},
    Verb{"inspect", "Show a model version: files, digest, inputs and outputs", &AddInspect},
    Verb{"login", "Sign in to another registry", &AddLogin},
    Verb{"logout", "Forget a sign-in to another registry", &AddLogout},
};

}  // namespace

void AddModel(Command& command, Client& client) {
  for (const Verb& verb : kVerbs) verb.add(command.Sub(verb.name, verb.text), client);
}

}  // namespace slipway::cli
