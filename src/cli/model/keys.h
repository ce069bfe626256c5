// Key files of signatures, their passwords, and NAME=VALUE annotations.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "trust/public_key.h"
#include "trust/signing_key.h"

namespace slipway::cli {

enum class PasswordUse : uint8_t { kOpenKey, kNewKey };

// From standard input if `from_stdin`, else from COSIGN_PASSWORD, where an empty one is one, too,
// else from the terminal; twice for a new key. Never from an argument: others can see those.
Result<std::string> KeyPassword(bool from_stdin, PasswordUse use);

// The password is asked for if the key needs one. A file that others can read is warned of. Errors
// begin with the path.
Result<trust::SigningKey> ReadSigningKey(const std::string& path, bool password_from_stdin);
Result<trust::PublicKey> ReadPublicKey(const std::string& path);

// "NAME=VALUE" each. INVALID_ARGUMENT / USAGE.
Result<std::map<std::string, std::string>> ParseAnnotations(const std::vector<std::string>& texts);

}  // namespace slipway::cli
