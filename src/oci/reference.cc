#include "oci/reference.h"

#include <algorithm>

#include "oci/limits.h"

namespace slipway::oci {
namespace {

bool IsLowerAlnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}
bool IsAlnum(char c) {
  return IsLowerAlnum(c) || (c >= 'A' && c <= 'Z');
}

// The length of a separator (`.`, `_`, `__` or dashes) at the start of `text`; 0 if there is none.
size_t SeparatorLength(std::string_view text) {
  if (text.empty()) return 0;
  if (text[0] == '.') return 1;
  if (text[0] == '_') return text.size() > 1 && text[1] == '_' ? 2 : 1;
  size_t dashes = 0;
  while (dashes < text.size() && text[dashes] == '-') ++dashes;
  return dashes;
}

bool IsSegment(std::string_view text) {
  size_t at = 0;
  while (true) {
    const size_t begin = at;
    while (at < text.size() && IsLowerAlnum(text[at])) ++at;
    if (at == begin) return false;
    if (at == text.size()) return true;
    const size_t separator = SeparatorLength(text.substr(at));
    if (separator == 0) return false;
    at += separator;
  }
}

Error ReferenceError(std::string_view text, const std::string& what) {
  return InvalidArgument("REFERENCE_INVALID",
                         "'" + std::string(text.substr(0, 300)) + "': " + what +
                             " Write NAME:TAG, PROJECT/NAME:TAG, HOST/NAME:TAG or "
                             "NAME@sha256:DIGEST.");
}

bool LooksLikeHost(std::string_view segment) {
  return segment == "localhost" || segment.find_first_of(".:") != std::string_view::npos;
}

bool IsPort(std::string_view text) {
  return !text.empty() && text.size() <= 5 &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; }) &&
         std::stoi(std::string(text)) <= 65'535;
}

bool IsHost(std::string_view host) {
  if (host.empty() || host.size() > kMaxHostBytes) return false;
  if (host[0] == '[') {
    const size_t end = host.find(']');
    if (end == std::string_view::npos || end < 3) return false;
    const std::string_view address = host.substr(1, end - 1);
    const std::string_view rest = host.substr(end + 1);
    return address.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos &&
           (rest.empty() || (rest[0] == ':' && IsPort(rest.substr(1))));
  }
  const size_t colon = host.find(':');
  if (colon != std::string_view::npos && !IsPort(host.substr(colon + 1))) return false;
  std::string_view name = host.substr(0, colon);
  while (true) {
    const size_t dot = name.find('.');
    const std::string_view label = name.substr(0, dot);
    if (label.empty() || label.front() == '-' || label.back() == '-' ||
        !std::ranges::all_of(label, [](char c) { return IsAlnum(c) || c == '-'; })) {
      return false;
    }
    if (dot == std::string_view::npos) return true;
    name = name.substr(dot + 1);
  }
}

// Takes `@DIGEST` and `:TAG` off the end of `rest`.
Result<void> TakeSelector(std::string_view text, std::string_view& rest, Reference& out) {
  const size_t at = rest.find('@');
  if (at != std::string_view::npos) {
    auto digest = Digest::Parse(rest.substr(at + 1));
    if (!digest) return ReferenceError(text, "after '@': " + digest.error().message());
    out.digest = std::move(*digest);
    rest = rest.substr(0, at);
  }
  const size_t colon = rest.rfind(':');
  const size_t slash = rest.rfind('/');
  if (colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash)) {
    out.tag = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
    const Result<void> ok = CheckTag(out.tag);
    if (!ok) return ReferenceError(text, ok.error().message());
  }
  return {};
}

}  // namespace

Result<void> CheckRepositoryName(std::string_view name) {
  const auto error = [&](const std::string& what) {
    return InvalidArgument(
        "NAME_INVALID", "the repository name '" + std::string(name.substr(0, 300)) + "' " + what);
  };
  if (name.empty()) return error("is empty.");
  if (name.size() > kMaxRepositoryBytes) {
    return error("has " + std::to_string(name.size()) + " bytes, at most " +
                 std::to_string(kMaxRepositoryBytes) + " are allowed.");
  }
  for (std::string_view rest = name; true;) {
    const size_t slash = rest.find('/');
    if (!IsSegment(rest.substr(0, slash))) {
      return error(
          "is not allowed: each segment has lower-case letters and digits, with single dots, one "
          "or "
          "two underscores or dashes between them.");
    }
    if (slash == std::string_view::npos) return {};
    rest = rest.substr(slash + 1);
  }
}

Result<void> CheckTag(std::string_view tag) {
  const bool ok = !tag.empty() && tag.size() <= kMaxTagBytes && tag[0] != '.' && tag[0] != '-' &&
                  std::ranges::all_of(
                      tag, [](char c) { return IsAlnum(c) || c == '.' || c == '_' || c == '-'; });
  if (ok) return {};
  return InvalidArgument(
      "TAG_INVALID", "the tag '" + std::string(tag.substr(0, 200)) +
                         "' is not allowed: letters, digits, '_', '.' and '-', at most 128, not "
                         "beginning with '.' or '-'.");
}

std::string CanonicalRepository(std::string_view name) {
  std::string out(name);
  if (name.find('/') == std::string_view::npos) out.insert(0, "default/");
  return out;
}

std::string_view ProjectOf(std::string_view repository) {
  const size_t slash = repository.find('/');
  return slash == std::string_view::npos ? std::string_view("default")
                                         : repository.substr(0, slash);
}

Result<Reference> Reference::Parse(std::string_view text) {
  Reference out;
  std::string_view rest = text;
  const size_t slash = text.find('/');
  if (slash != std::string_view::npos && LooksLikeHost(text.substr(0, slash))) {
    out.host = text.substr(0, slash);
    if (!IsHost(out.host)) return ReferenceError(text, "'" + out.host + "' is no host name.");
    rest = text.substr(slash + 1);
  }
  TRY_VOID(TakeSelector(text, rest, out));
  out.repository = out.host.empty() ? CanonicalRepository(rest) : std::string(rest);
  const Result<void> ok = CheckRepositoryName(rest);
  if (!ok) return ReferenceError(text, ok.error().message());
  TRY_VOID(CheckRepositoryName(out.repository));
  return out;
}

std::string Reference::Selector() const {
  if (digest) return digest->text();
  return tag.empty() ? "latest" : tag;
}

std::string_view Reference::project() const {
  return ProjectOf(repository);
}

std::string Reference::ToString() const {
  std::string text = host.empty() ? repository : host + "/" + repository;
  if (!tag.empty()) text += ":" + tag;
  if (digest) text += "@" + digest->text();
  return text;
}

}  // namespace slipway::oci
