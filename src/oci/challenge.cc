#include "oci/challenge.h"

#include <algorithm>

namespace slipway::oci {
namespace {

bool IsTokenCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

std::string Lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return out;
}

// Reads the header from left to right; every step leaves `at_` further on.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool AtEnd() const { return at_ >= text_.size(); }
  char Peek() const { return AtEnd() ? '\0' : text_[at_]; }
  void Next() { ++at_; }

  void SkipSpace() {
    while (Peek() == ' ' || Peek() == '\t') Next();
  }
  void SkipSeparators() {
    while (Peek() == ' ' || Peek() == '\t' || Peek() == ',') Next();
  }
  std::string_view Token() {
    const size_t begin = at_;
    while (!AtEnd() && IsTokenCharacter(Peek())) Next();
    return text_.substr(begin, at_ - begin);
  }
  std::string Value() {
    if (Peek() != '"') return std::string(Token());
    Next();
    std::string out;
    while (!AtEnd() && Peek() != '"') {
      if (Peek() == '\\') Next();
      if (!AtEnd()) out.push_back(Peek());
      Next();
    }
    Next();
    return out;
  }

 private:
  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

std::vector<Challenge> ParseChallenges(std::string_view header) {
  std::vector<Challenge> out;
  Scanner scanner(header);
  scanner.SkipSeparators();
  while (!scanner.AtEnd()) {
    const std::string_view word = scanner.Token();
    if (word.empty()) return out;
    scanner.SkipSpace();
    if (scanner.Peek() == '=' && !out.empty()) {
      scanner.Next();
      scanner.SkipSpace();
      out.back().parameters.emplace(Lower(word), scanner.Value());
    } else {
      out.push_back({.scheme = Lower(word), .parameters = {}});
    }
    scanner.SkipSeparators();
  }
  return out;
}

namespace {

// One text for each origin, however it is written.
std::string OriginOf(std::string_view scheme, std::string_view authority) {
  const std::string_view own_port = scheme == "https" ? ":443" : ":80";
  if (authority.ends_with(own_port)) authority.remove_suffix(own_port.size());
  return Lower(std::string(scheme).append("://").append(authority));
}

}  // namespace

Result<UrlParts> SplitUrl(std::string_view url) {
  const auto malformed = [&] {
    return InvalidArgument(
        "URL_MALFORMED", "'" + std::string(url.substr(0, 300)) + "' is no http or https address.");
  };
  const size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return malformed();
  const std::string_view name = url.substr(0, scheme);
  if (name != "http" && name != "https") return malformed();
  const size_t begin = scheme + 3;
  const size_t end = std::min(url.find_first_of("/?#", begin), url.size());
  const std::string_view authority = url.substr(begin, end - begin);
  // User names in an address would hide which host is meant.
  if (authority.empty() || authority.find('@') != std::string_view::npos) return malformed();
  UrlParts parts;
  parts.origin = OriginOf(name, authority);
  parts.host = authority.front() == '[' ? authority.substr(0, authority.find(']') + 1)
                                        : authority.substr(0, authority.find(':'));
  parts.rest = url.substr(end);
  if (parts.rest.empty() || parts.rest[0] != '/') parts.rest.insert(0, "/");
  return parts;
}

}  // namespace slipway::oci
