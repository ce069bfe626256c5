// slipway model VERB ...
#include "cli/commands.h"
#include "cli/model/verbs.h"
#include "cli/verb.h"

namespace slipway::cli {
namespace {

constexpr Verb<Client&> kVerbs[] = {
    {"init", "Write model.yaml for a folder: what is to be known of its model", &AddModelInit},
    {"save", "Package a file or folder into the local store", &AddModelSave},
    {"push", "Push what was saved, or a file or folder, to a registry", &AddModelPush},
    {"pull", "Fetch a model from a registry into the local store", &AddModelPull},
    {"export", "Write a model's files into a folder", &AddModelExport},
    {"tag", "Give a model one more name", &AddModelTag},
    {"list", "List the models of the local store", &AddModelList},
    {"remove", "Remove names, and free what has none any more", &AddModelRemove},
    {"copy", "Copy a version to another repository or registry, digests and all", &AddCopy},
    {"sign", "Sign a version with a key, as cosign does", &AddSign},
    {"verify", "Check that a version is signed with a key", &AddVerify},
    {"generate-key-pair", "Make the two files of a key for signing", &AddGenerateKeyPair},
    {"history", "Show how the tags of a model moved, and what changed", &AddHistory},
    {"diff", "Compare two versions: files, metadata, inputs and outputs", &AddDiff},
    {"lineage", "Show what a version was made from, what came of it, what uses it", &AddLineage},
    {"inspect", "Show a model version: files, digest, inputs and outputs", &AddInspect},
    {"login", "Sign in to another registry", &AddLogin},
    {"logout", "Forget a sign-in to another registry", &AddLogout},
};

}  // namespace

void AddModel(Command& command, Client& client) {
  for (const auto& verb : kVerbs) verb.add(command.Sub(verb.name, verb.text), client);
}

}  // namespace slipway::cli
