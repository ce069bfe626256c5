// The certificate authority of one registry, where Docker's and containers' programs look for it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "oci/credentials.h"

namespace slipway::oci {

// The folders of that host, from the first to the last (containers-certs.d(5)):
//   1. ${XDG_CONFIG_HOME:-~/.config}/containers/certs.d/HOST[:PORT]
//   2. /etc/containers/certs.d/HOST[:PORT]
//   3. /etc/docker/certs.d/HOST[:PORT]
std::vector<std::string> AuthorityFolders(const Environment& environment, std::string_view host);

// The file of the authorities that the registry's certificate is checked with, in place of the
// system's: the `*.crt` of the first folder that has one; nothing if there is none.
// FAILED_PRECONDITION / AUTHORITY_AMBIGUOUS names a folder that has several, and no `ca.crt`.
Result<std::optional<std::string>> FindAuthority(FileSystem& files,
                                                 const std::vector<std::string>& folders);

// Writes `ca.crt` of the first folder and returns its path. INVALID_ARGUMENT / AUTHORITY_INVALID if
// the text is no certificate in PEM. FAILED_PRECONDITION / HOME_MISSING without a folder of the
// user's own.
Result<std::string> KeepAuthority(FileSystem& files, const std::vector<std::string>& folders,
                                  std::string_view pem);

}  // namespace slipway::oci
