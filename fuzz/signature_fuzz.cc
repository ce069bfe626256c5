// What signatures say and how they are kept: what is taken is taken again when it is written, and
// nothing of it reaches a check of the key unread.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "trust/bundle.h"
#include "trust/public_key.h"
#include "trust/signed_claim.h"

namespace trust = slipway::trust;

namespace {

void CheckClaim(std::string_view text) {
  const auto claim = trust::ParseClaim(text);
  if (!claim) return;
  const auto again = trust::ParseClaim(trust::FormatClaim(*claim));
  CHECK(again.has_value() && again->digest == claim->digest);
  CHECK(again->identity == claim->identity && again->annotations == claim->annotations);
}

void CheckStatement(std::string_view text) {
  const auto claim = trust::ParseStatement(text);
  if (!claim) return;
  const auto again = trust::ParseStatement(trust::FormatStatement(*claim));
  CHECK(again.has_value() && again->digest == claim->digest);
  CHECK(again->annotations == claim->annotations);
}

void CheckBundle(std::string_view text) {
  const auto bundle = trust::ParseBundle(text);
  if (!bundle) return;
  CHECK(!bundle->signatures.empty());
  const auto again = trust::ParseBundle(trust::FormatBundle(*bundle));
  CHECK(again.has_value() && again->payload == bundle->payload);
  CHECK(again->signatures == bundle->signatures);
  CheckStatement(bundle->payload);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  CheckClaim(text);
  CheckStatement(text);
  CheckBundle(text);
  if (const auto key = trust::PublicKey::Parse(text)) CHECK(!key->Verifies("x", text));
  return 0;
}
