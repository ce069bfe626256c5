// The token service: answers a challenge's realm with access tokens (the token authentication of
// distribution, and its OAuth 2.0 form).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "net/router.h"
#include "store/meta/meta_store.h"
#include "trust/access.h"
#include "trust/access_token.h"
#include "trust/secret_box.h"

namespace slipway::registry {

// The signer of this database's access tokens. Its key is a row, sealed with `secrets`; made anew
// where there is none, or where the key file is another by now: then clients that keep a refresh
// token sign in again. Blocking; clock and random outlive the result.
Result<std::unique_ptr<trust::AccessTokens>> OpenAccessTokens(store::MetaStore& meta,
                                                              const trust::SecretBox& secrets,
                                                              std::chrono::seconds lifetime,
                                                              Clock& clock, Random& random);

struct TokenServiceOptions {
  trust::Authenticator* authenticator = nullptr;
  const trust::AccessTokens* tokens = nullptr;
  std::function<Task<Result<bool>>(std::string project)> anonymous_pull;
};

// GET and POST /token. Scopes are cut down to what the caller may do; what is left may be nothing.
// Without credentials the token is for nobody, and opens what anybody may pull. Errors have both
// the registry's form and that of OAuth 2.0. What `options` points to outlives the routes.
std::vector<net::Route> TokenServiceRoutes(TokenServiceOptions options);

}  // namespace slipway::registry
