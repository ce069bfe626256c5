// Challenge: what a registry asks for in WWW-Authenticate (RFC 9110 section 11.6.1).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slipway::oci {

struct Challenge {
  std::string scheme;                             // in lower case: "basic", "bearer"
  std::map<std::string, std::string> parameters;  // names in lower case
};

// All challenges of one header value. What cannot be read is left out: it cannot be answered
// either.
std::vector<Challenge> ParseChallenges(std::string_view header);

// The two parts of an http or https address. INVALID_ARGUMENT / URL_MALFORMED.
struct UrlParts {
  std::string origin;  // "https://host:port", in lower case, without the scheme's own port
  std::string host;    // without port
  std::string rest;    // path and query, at least "/"
};
Result<UrlParts> SplitUrl(std::string_view url);

}  // namespace slipway::oci
