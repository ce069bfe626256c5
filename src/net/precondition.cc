#include "net/precondition.h"

namespace slipway::net {
namespace {

// One of the list, without blanks and the mark of weakness.
std::string_view TagOf(std::string_view part) {
  while (!part.empty() && (part.front() == ' ' || part.front() == '\t')) part.remove_prefix(1);
  while (!part.empty() && (part.back() == ' ' || part.back() == '\t')) part.remove_suffix(1);
  if (part.starts_with("W/")) part.remove_prefix(2);
  return part;
}

bool IsInQuotes(std::string_view part, std::string_view tag) {
  return part.size() == tag.size() + 2 && part.front() == '"' && part.back() == '"' &&
         part.substr(1, tag.size()) == tag;
}

}  // namespace

bool HasAlready(const HttpRequest& request, std::string_view tag) {
  const auto header = request.Header("If-None-Match");
  if (!header) return false;
  if (TagOf(*header) == "*") return true;
  // No tag of ours has a comma in it, so that commas within others divide what matches nothing.
  for (std::string_view rest = *header; !rest.empty();) {
    const size_t comma = rest.find(',');
    if (IsInQuotes(TagOf(rest.substr(0, comma)), tag)) return true;
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  return false;
}

HttpResponse NotModified() {
  return HttpResponse::Empty(304);
}

}  // namespace slipway::net
