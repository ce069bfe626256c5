// Pushing a file or a folder, and what is said of any push.
#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"
#include "cli/client.h"
#include "model/package.h"
#include "model/push.h"
#include "oci/reference.h"

namespace slipway::cli {

// `form` as --form has it.
Result<void> PushPath(Client& client, const std::string& path, const std::string& reference,
                      const std::string& form);

// Says on standard error what of the folder is not in the package.
void NoteLeftOut(const model::Package& package);

// `shown` has the format, sizeBytes and files of what was pushed; the rest is added.
Result<void> PrintPushed(Client& client, const oci::Reference& reference,
                         const model::Pushed& pushed, Json shown);

}  // namespace slipway::cli
