// A certificate for tests: self-signed, so that it is its own authority.
#pragma once

#include <string>

#include "net/tls_files.h"

namespace slipway::net {

struct TestCertificate {
  std::string certificate_file;
  std::string key_file;
  TlsFiles files() const { return {.certificate = certificate_file, .key = key_file}; }
};

struct TestCertificateOptions {
  std::string names = "DNS:localhost,IP:127.0.0.1";
  long begins_in_s = -3600;
  long ends_in_s = 24L * 3600;
  std::string passphrase;  // of the key; empty: none
};

// Written into `folder` over what is there, with a new key each time.
TestCertificate WriteTestCertificate(const std::string& folder, const std::string& name,
                                     const TestCertificateOptions& options = {});

}  // namespace slipway::net
