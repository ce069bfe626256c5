// The user's own store of models, and the names in it.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/client.h"
#include "cli/command.h"
#include "model/inspect.h"
#include "model/local/local_store.h"
#include "model/package.h"
#include "oci/manifest.h"
#include "oci/reference.h"

namespace slipway::cli {

// ${XDG_CACHE_HOME:-~/.cache}/slipway. FAILED_PRECONDITION / HOME_MISSING.
Result<std::string> CacheFolder();

// $SLIPWAY_MODELS, else ${XDG_CACHE_HOME:-~/.cache}/slipway/models. FAILED_PRECONDITION /
// HOME_MISSING.
Result<model::LocalStore> OpenModels(Client& client);

// A name to keep a model under: with a tag, and without a digest. INVALID_ARGUMENT /
// REFERENCE_INVALID.
Result<oci::Reference> ParseTagged(const std::string& text);

// The entries that the text means, one at least: the one of that name, as it is written in the
// store or as a reference; with a digest (NAME@DIGEST, or a digest alone, or 12 digits of it and
// more) all that stand for it, those with a name first. NOT_FOUND / MODEL_UNKNOWN says how to bring
// it; INVALID_ARGUMENT / DIGEST_AMBIGUOUS.
Result<std::vector<model::LocalEntry>> FindAllLocal(model::LocalStore& store,
                                                    const std::string& text);

// The first of them.
Result<model::LocalEntry> FindLocal(model::LocalStore& store, const std::string& text);

// Its name, of one that has none its digest.
const std::string& ShownName(const model::LocalEntry& entry);

// The config of a manifest that is here; empty where it cannot be read.
std::string ReadConfig(model::LocalStore& store, const oci::Manifest& manifest);

// Where a model file in an archive is taken out to be read; nothing of it stays.
model::Scratch ScratchFolder();

// What to do about an error of content that is here.
Error WithAdvice(const Error& error, const std::string& name);

// --form, with its choices.
void AddForm(Command& command, std::string* form);
// Of one of them; empty is ModelPack.
model::PackageForm FormOf(const std::string& form);

}  // namespace slipway::cli
