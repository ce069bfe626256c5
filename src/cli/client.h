// Client: what all verbs share: the general options, the chosen context, the API behind it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "cli/api_client.h"
#include "cli/contexts.h"
#include "cli/output.h"

namespace slipway::cli {

// As the user gave them; see AddGeneralOptions in command_line.cc.
struct GeneralOptions {
  std::string context;  // --context, else SLIPWAY_CONTEXT, else the current one
  std::string project;  // --project; empty: what the names say, else "default"
  std::string output;   // --output; empty: table
  // --cert and --key of verbs that ask a data plane; empty: the context's.
  std::string cert_file;
  std::string key_file;
};

class Client {
 public:
  GeneralOptions& options() { return options_; }
  const GeneralOptions& options() const { return options_; }
  Clock& clock() { return SystemClock(); }

  // Read at first use.
  Result<ApiClient*> Api();
  Result<Format> OutputFormat() const;
  std::string Project() const { return options_.project.empty() ? "default" : options_.project; }

 private:
  GeneralOptions options_;
  std::unique_ptr<ApiClient> api_;
};

// KIND/NAME or NAME; a bare name is a service (semantics 3).
struct KindName {
  std::string kind = "service";
  std::string name;
};
// INVALID_ARGUMENT / NAME_MALFORMED.
Result<KindName> ParseKindName(std::string_view text);

// NAME:TAG of this context's registry, and the name of the service that it gets by default.
struct ModelName {
  std::string project;
  std::string repository;  // "default/magika"
  std::string model;       // name of the Model resource: the repository without the project
  std::string selector;    // tag, or digest
  std::string tag;         // empty if only a digest was given
  std::string service;     // last segment of the repository
};
// INVALID_ARGUMENT / REFERENCE_INVALID; a reference with a host is refused.
Result<ModelName> ParseModelName(std::string_view text);

}  // namespace slipway::cli
