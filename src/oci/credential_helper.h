// Credential helpers: programs docker-credential-NAME that keep credentials for others
// (docker-credential-helpers' protocol).
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "oci/docker_config.h"
#include "oci/limits.h"

namespace slipway::oci {

// How a helper ended, and what it wrote to standard output.
struct HelperResult {
  int exit_status = 0;
  std::string output;
};

// Runs `PROGRAM VERB` with `input` on standard input.
using RunHelper = std::function<Result<HelperResult>(
    const std::string& program, const std::string& verb, const std::string& input)>;

// Without a shell; found on PATH, in folders named from the root. Standard error is the caller's,
// and so is the terminal: a helper may ask for a passphrase. FAILED_PRECONDITION / HELPER_MISSING,
// DEADLINE_EXCEEDED / HELPER_TIMEOUT after `timeout` (it is killed), FAILED_PRECONDITION /
// HELPER_FAILED. Errors name the program.
RunHelper MakeRunHelper(std::chrono::milliseconds timeout = kHelperTimeout);

class CredentialHelper {
 public:
  // INVALID_ARGUMENT / HELPER_NAME for a name that is no part of a file's name.
  static Result<CredentialHelper> Make(std::string_view name, RunHelper run);

  // Nothing if it has none for this key. FAILED_PRECONDITION / HELPER_FAILED with what the helper
  // said; never with the secret that it was given.
  Result<std::optional<Credentials>> Get(const std::string& key) const;
  Result<void> Store(const std::string& key, const Credentials& credentials) const;
  // false: it had none.
  Result<bool> Erase(const std::string& key) const;

  const std::string& program() const { return program_; }

 private:
  CredentialHelper(std::string program, RunHelper run)
      : program_(std::move(program)), run_(std::move(run)) {}
  Error Failed(std::string_view verb, const HelperResult& result) const;

  std::string program_;  // "docker-credential-pass"
  RunHelper run_;
};

}  // namespace slipway::oci
