// TlsFiles: where a server's certificate and key are.
#pragma once

#include <string>

#include "base/result.h"

namespace slipway::net {

// PEM files: the certificate with its chain, and its key without a passphrase. Absolute paths.
struct TlsFiles {
  std::string certificate;
  std::string key;
  // PEM: the authorities whose certificates prove who a client is; empty: clients bring none.
  std::string client_authorities;
  bool client_may_be_unknown = false;  // who brings no certificate is let in, too
  bool empty() const { return certificate.empty() && key.empty(); }
};

// That they make a certificate with its key. Blocking. FAILED_PRECONDITION / TLS_CERTIFICATE for
// files that do not, NOT_FOUND or PERMISSION_DENIED / TLS_CERTIFICATE for one that cannot be read,
// FAILED_PRECONDITION / TLS_KEY_EXPOSED for a key that every user of the machine can read. The
// file of authorities the same, with the reason TLS_CLIENT_CA.
Result<void> CheckTlsFiles(const TlsFiles& files);

}  // namespace slipway::net
