// A certificate for tests: self-signed, for localhost and 127.0.0.1.
#pragma once

#include <string>

namespace slipway::net {

struct TestCertificate {
  std::string certificate_file;
  std::string key_file;
};

// Written into `folder`, with a new key each time.
TestCertificate WriteTestCertificate(const std::string& folder, const std::string& name);

}  // namespace slipway::net
