#include "cli/ormb/verbs.h"

namespace slipway::cli::ormb {

void AddRemoteOptions(Command& command, RemoteOptions* options, std::string_view text) {
  command.Positional(&options->reference, "REF", text);
  command.Flag(&options->network.plain_http, "--plain-http", "use plain http and not https");
  AddInsecure(command, &options->network);
}

void AddInsecure(Command& command, NetworkOptions* options) {
  command.Flag(&options->insecure, "--insecure",
               "allow connections to TLS registry without certs (true)");
}

}  // namespace slipway::cli::ormb
