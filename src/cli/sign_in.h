// Other registries: their hosts, and the credentials that this user has for them.
#pragma once

#include <string>

#include "base/result.h"
#include "oci/client.h"
#include "oci/credentials.h"

namespace slipway::cli {

// HOST or HOST:PORT as in references. INVALID_ARGUMENT / HOST_INVALID.
Result<void> CheckRegistryHost(const std::string& host);
// How it is asked: plain http on this machine unless there is a certificate authority for it, else
// https. `ca_file` is an authority to try; empty: what FindAuthority finds, and its errors.
Result<oci::ClientOptions> OptionsOfRegistry(const std::string& host,
                                             const std::string& ca_file = "");
// Its certificate authority, for this and other programs of the user; the file that it is kept in.
// Errors: those of KeepAuthority, and what cannot be read.
Result<std::string> KeepRegistryAuthority(const std::string& host, const std::string& ca_file);

// Docker's and containers' files of this user; see oci/credentials.h.
Result<oci::CredentialStore> OpenCredentials();

// "~/.docker/config.json", or with the helper that keeps it.
std::string PlaceText(const oci::CredentialStore::Place& place);

}  // namespace slipway::cli
