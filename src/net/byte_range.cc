#include "net/byte_range.h"

#include "net/field.h"

namespace slipway::net {
namespace {

// A position in content, however many digits it has: one beyond 64 bits is beyond all content.
std::optional<uint64_t> ParsePosition(std::string_view text) {
  if (text.empty() || text.find_first_not_of("0123456789") != text.npos) return std::nullopt;
  return ParseWholeNumber(text).value_or(UINT64_MAX);
}

// Without its unit, which may be written in any case; nothing for another one.
std::optional<std::string_view> WithoutUnit(std::string_view header) {
  constexpr std::string_view kUnit = "bytes=";
  if (header.size() < kUnit.size()) return std::nullopt;
  for (size_t i = 0; i < kUnit.size(); ++i) {
    const char c = header[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) != kUnit[i]) {
      return std::nullopt;
    }
  }
  return Trimmed(header.substr(kUnit.size()));
}

}  // namespace

RangeAnswer ParseRange(std::string_view header, uint64_t size_bytes) {
  const auto range = WithoutUnit(Trimmed(header));
  if (!range) return {};
  const size_t dash = range->find('-');
  if (dash == std::string_view::npos) return {};
  const std::string_view first_text = range->substr(0, dash);
  const std::string_view last_text = range->substr(dash + 1);
  constexpr RangeAnswer kNone{RangeVerdict::kNotSatisfiable, {}};
  if (first_text.empty()) {
    const auto suffix = ParsePosition(last_text);
    if (!suffix) return {};
    if (*suffix == 0 || size_bytes == 0) return kNone;
    const uint64_t first = *suffix >= size_bytes ? 0 : size_bytes - *suffix;
    return {RangeVerdict::kPartial, {first, size_bytes - 1}};
  }
  const auto first = ParsePosition(first_text);
  if (!first) return {};
  if (*first >= size_bytes) return kNone;
  if (last_text.empty()) return {RangeVerdict::kPartial, {*first, size_bytes - 1}};
  const auto last = ParsePosition(last_text);
  if (!last) return {};
  if (*last < *first) return kNone;
  return {RangeVerdict::kPartial, {*first, *last >= size_bytes ? size_bytes - 1 : *last}};
}

RangeAnswer RangeOf(const HttpRequest& request, std::string_view entity_tag, uint64_t size_bytes) {
  const auto header = request.Header("Range");
  if (!header || request.method != Method::kGet) return {};
  const auto condition = request.Header("If-Range");
  if (condition && *condition != entity_tag) return {};
  return ParseRange(*header, size_bytes);
}

void SetPartial(ByteRange range, uint64_t size_bytes, HttpResponse& response) {
  response.status = 206;
  response.headers.emplace_back("Content-Range", "bytes " + std::to_string(range.first) + "-" +
                                                     std::to_string(range.last) + "/" +
                                                     std::to_string(size_bytes));
}

std::optional<ByteRange> ParseUploadRange(std::string_view header) {
  header = Trimmed(header);
  for (const std::string_view unit : {"bytes ", "bytes="}) {
    if (header.starts_with(unit)) header = Trimmed(header.substr(unit.size()));
  }
  header = header.substr(0, header.find('/'));
  const size_t dash = header.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto first = ParseWholeNumber(header.substr(0, dash));
  const auto last = ParseWholeNumber(header.substr(dash + 1));
  if (!first || !last || *last < *first || *last == UINT64_MAX) return std::nullopt;
  return ByteRange{*first, *last};
}

}  // namespace slipway::net
