// The user's own store of models, and the names in it.
#pragma once

#include <string>

#include "base/result.h"
#include "cli/client.h"
#include "cli/command.h"
#include "model/local/local_store.h"
#include "model/package.h"
#include "oci/manifest.h"
#include "oci/reference.h"

namespace slipway::cli {

// $SLIPWAY_MODELS, else ${XDG_CACHE_HOME:-~/.cache}/slipway/models. FAILED_PRECONDITION /
// HOME_MISSING.
Result<model::LocalStore> OpenModels(Client& client);

// A name to keep a model under: with a tag, and without a digest. INVALID_ARGUMENT /
// REFERENCE_INVALID.
Result<oci::Reference> ParseTagged(const std::string& text);

// The entry that the text names: as it is written in the store, else as a reference. NOT_FOUND /
// MODEL_UNKNOWN says how to bring it.
Result<model::LocalEntry> FindLocal(model::LocalStore& store, const std::string& text);

// The config of a manifest that is here; empty where it cannot be read.
std::string ReadConfig(model::LocalStore& store, const oci::Manifest& manifest);

// What to do about an error of content that is here.
Error WithAdvice(const Error& error, const std::string& name);

// --form, with its choices.
void AddForm(Command& command, std::string* form);
// Of one of them; empty is ModelPack.
model::PackageForm FormOf(const std::string& form);

}  // namespace slipway::cli
