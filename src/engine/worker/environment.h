// What the code of models is told of the environment of the data plane.
#pragma once

#include <string_view>

namespace slipway::engine::worker {

// Whether a variable is to be kept from it: one whose name has a word for a secret in it (TOKEN,
// SECRET, PASSWORD, KEY, AUTH, HEADERS, ...), or whose value is a URL with a password.
bool IsSecret(std::string_view name, std::string_view value);

// Takes them out of the environment of this process, which has one thread, but for those that
// SLIPWAY_PROGRAM_ENVIRONMENT names, with colons between them.
void DropSecrets();

}  // namespace slipway::engine::worker
