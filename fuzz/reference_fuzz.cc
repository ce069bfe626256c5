// References: what is taken is written in a form that is read back as the same reference.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "net/byte_range.h"
#include "oci/challenge.h"
#include "oci/reference.h"

using slipway::oci::Reference;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto reference = Reference::Parse(text);
  if (reference.has_value()) {
    CHECK(slipway::oci::CheckRepositoryName(reference->repository).has_value());
    CHECK(reference->tag.empty() || slipway::oci::CheckTag(reference->tag).has_value());
    const auto again = Reference::Parse(reference->ToString());
    CHECK(again.has_value() && *again == *reference);
  } else {
    CHECK(reference.error().code() == slipway::Code::kInvalidArgument);
  }
  // The other small texts of the protocol: headers.
  for (const auto& challenge : slipway::oci::ParseChallenges(text))
    CHECK(!challenge.scheme.empty());
  static_cast<void>(slipway::oci::SplitUrl(text));
  const auto answer = slipway::net::ParseRange(text, 1000);
  if (answer.verdict == slipway::net::RangeVerdict::kPartial) {
    CHECK(answer.range.first <= answer.range.last && answer.range.last < 1000);
  }
  if (const auto range = slipway::net::ParseUploadRange(text)) CHECK(range->size_bytes() > 0);
  return 0;
}
