#include "klever/upload/content_range.h"

#include <algorithm>
#include <string>

#include "klever/limits.h"
#include "net/field.h"

namespace slipway::klever {
namespace {

Error Invalid(const std::string& why) {
  return Error(Code::kInvalidArgument, "CONTENT_RANGE_INVALID",
               "Content-Range must be `bytes FIRST-LAST/TOTAL`, counted from 0: " + why + ".",
               {{"field", "Content-Range"}});
}

}  // namespace

Result<ContentRange> ParseContentRange(std::string_view header) {
  header = net::Trimmed(header);
  if (!header.starts_with("bytes ")) return Invalid("it does not begin with `bytes `");
  header = net::Trimmed(header.substr(6));
  const size_t slash = header.find('/');
  const size_t dash = header.find('-');
  if (slash == std::string_view::npos || dash == std::string_view::npos || dash > slash) {
    return Invalid("a dash or a slash is missing");
  }
  const auto first = net::ParseWholeNumber(header.substr(0, dash));
  const auto last = net::ParseWholeNumber(header.substr(dash + 1, slash - dash - 1));
  const auto total = net::ParseWholeNumber(header.substr(slash + 1));
  if (!first || !last) return Invalid("FIRST and LAST are not both whole numbers");
  if (!total) return Invalid("TOTAL is no whole number; the size of the file must be known");
  if (*last < *first) return Invalid("LAST is before FIRST");
  if (*last >= *total) return Invalid("LAST is not below TOTAL");
  if (*total > kMaxUploadBytes) {
    return Error(Code::kResourceExhausted, "UPLOAD_TOO_LARGE",
                 "an upload may have at most " + std::to_string(kMaxUploadBytes) +
                     " bytes; push larger models with slipway push.",
                 {{"field", "Content-Range"}});
  }
  return ContentRange{.span = {.begin = *first, .end = *last + 1}, .total_bytes = *total};
}

void SpanSet::Add(Span span) {
  if (span.begin >= span.end) return;
  // Those that overlap it or touch it become one with it.
  const auto first = std::ranges::lower_bound(spans_, span.begin, {}, &Span::end);
  auto after = first;
  while (after != spans_.end() && after->begin <= span.end) {
    span.begin = std::min(span.begin, after->begin);
    span.end = std::max(span.end, after->end);
    ++after;
  }
  spans_.insert(spans_.erase(first, after), span);
}

bool SpanSet::Overlaps(Span span) const {
  return !Within(span).empty();
}

std::vector<Span> SpanSet::Within(Span span) const {
  std::vector<Span> parts;
  for (auto at = std::ranges::upper_bound(spans_, span.begin, {}, &Span::end);
       at != spans_.end() && at->begin < span.end; ++at) {
    parts.push_back({.begin = std::max(span.begin, at->begin), .end = std::min(span.end, at->end)});
  }
  return parts;
}

std::vector<Span> SpanSet::Missing(uint64_t total_bytes) const {
  std::vector<Span> missing;
  uint64_t at = 0;
  for (const Span& span : spans_) {
    if (span.begin > at) missing.push_back({.begin = at, .end = span.begin});
    at = span.end;
  }
  if (at < total_bytes) missing.push_back({.begin = at, .end = total_bytes});
  return missing;
}

uint64_t SpanSet::size_bytes() const {
  uint64_t size = 0;
  for (const Span& span : spans_) size += span.size_bytes();
  return size;
}

}  // namespace slipway::klever
