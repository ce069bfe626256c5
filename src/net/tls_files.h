// TlsFiles: where a server's certificate and key are.
#pragma once

#include <string>

namespace slipway::net {

// PEM files: the certificate with its chain, and its key without a passphrase. Absolute paths.
struct TlsFiles {
  std::string certificate;
  std::string key;
  bool empty() const { return certificate.empty() && key.empty(); }
};

}  // namespace slipway::net
