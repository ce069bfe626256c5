// The verbs of `slipway ormb`: ormb's own command line and printed lines. One file a verb; ormb.cc
// is the list.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "cli/command.h"
#include "cli/ormb/session.h"

namespace slipway::cli::ormb {

using SharedOptions = std::shared_ptr<const GlobalOptions>;

void AddCompletion(Command& command, const SharedOptions& global);
void AddExport(Command& command, const SharedOptions& global);
void AddLogin(Command& command, const SharedOptions& global);
void AddModels(Command& command, const SharedOptions& global);
void AddPull(Command& command, const SharedOptions& global);
void AddPush(Command& command, const SharedOptions& global);
void AddRemove(Command& command, const SharedOptions& global);
void AddSave(Command& command, const SharedOptions& global);
void AddTag(Command& command, const SharedOptions& global);
void AddVersion(Command& command, const SharedOptions& global);

// What push and pull take.
struct RemoteOptions {
  std::string reference;
  NetworkOptions network;
};
// `text` says what the reference names.
void AddRemoteOptions(Command& command, RemoteOptions* options, std::string_view text);
void AddInsecure(Command& command, NetworkOptions* options);

// What more than one of them does, after the line that is its own.
Result<void> Login(Session& session, const std::string& host, const oci::Credentials& credentials,
                   const NetworkOptions& network);
Result<void> Pull(Session& session, const OrmbReference& reference, const NetworkOptions& network);
Result<void> Export(Session& session, const OrmbReference& reference, const std::string& folder);

}  // namespace slipway::cli::ormb
