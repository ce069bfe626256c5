// Access tokens and scopes: nothing but what was signed is taken, and what is signed is read as it
// was.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "trust/access_token.h"

using slipway::trust::AccessTokens;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static slipway::FakeClock clock;
  static const auto random = slipway::MakeSeededRandom(1);
  static const AccessTokens tokens(AccessTokens::Key{}, {.service = "slipway-fuzz"}, clock,
                                   *random);
  const std::string text(reinterpret_cast<const char*>(data), size);
  CHECK(!tokens.Verify(text).has_value());
  CHECK(!tokens.VerifyRefresh(text).has_value());
  // With the right header, and behind a right token.
  const std::string good = tokens.Sign("token/ci", "0123456789ab", {}).value().text;
  CHECK(!tokens.Verify(good.substr(0, good.find('.')) + "." + text).has_value());
  CHECK(text.empty() || !tokens.Verify(good + text).has_value());

  const auto scopes = slipway::trust::ParseScopes(text);
  if (!scopes) {
    CHECK(scopes.error().code() == slipway::Code::kInvalidArgument);
    return 0;
  }
  CHECK(scopes->size() <= slipway::trust::kMaxScopes);
  const auto made = tokens.Sign("token/ci", "0123456789ab", *scopes);
  if (!made) return 0;
  const auto claims = tokens.Verify(made->text);
  CHECK(claims.has_value() && claims->scopes.size() == scopes->size());
  for (size_t i = 0; i < scopes->size(); ++i) {
    CHECK(claims->scopes[i].actions == (*scopes)[i].actions);
  }
  return 0;
}
