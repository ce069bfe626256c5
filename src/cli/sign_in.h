// Other registries: their hosts, and the credentials that this user has for them.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "oci/credentials.h"

namespace slipway::cli {

// HOST or HOST:PORT as in references. INVALID_ARGUMENT / HOST_INVALID.
Result<void> CheckRegistryHost(const std::string& host);
// Where its API is: plain http on this machine, else https.
std::string RegistryUrl(std::string_view host);

// Docker's and containers' files of this user; see oci/credentials.h.
Result<oci::CredentialStore> OpenCredentials();

// "~/.docker/config.json", or with the helper that keeps it.
std::string PlaceText(const oci::CredentialStore::Place& place);

}  // namespace slipway::cli
