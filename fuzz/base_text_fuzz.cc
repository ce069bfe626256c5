// Short texts from outside: digests, times and the file `format`. What is taken is written and read
// back as the same value.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "base/clock.h"
#include "base/digest.h"
#include "store/data_folder.h"

namespace {

void CheckDigest(std::string_view text) {
  const auto digest = slipway::Digest::Parse(text);
  if (!digest) return;
  CHECK(digest->text() == text);
  const bool is_sha256 = digest->algorithm() == slipway::DigestAlgorithm::kSha256;
  CHECK(digest->hex().size() == (is_sha256 ? 64 : 128));
  CHECK(digest->hex().find('/') == std::string_view::npos);
}

void CheckTime(std::string_view text) {
  const auto time = slipway::ParseRfc3339(text);
  if (!time) return;
  const std::string written = slipway::FormatRfc3339(*time);
  const auto again = slipway::ParseRfc3339(written);
  CHECK(again.has_value());
  CHECK(slipway::FormatRfc3339(*again) == written);
}

void CheckFormat(std::string_view text) {
  const auto format = slipway::store::ParseFolderFormat(text);
  if (!format) return;
  CHECK(format->number >= 1);
  CHECK(format->program.find('\n') == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  CheckDigest(text);
  CheckTime(text);
  CheckFormat(text);
  return 0;
}
