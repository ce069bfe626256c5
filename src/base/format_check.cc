#include "base/format_check.h"

#include <charconv>
#include <utility>

#include "base/check.h"
#include "base/clock.h"
#include "base/digest.h"

namespace slipway {
namespace {

using Problem = std::optional<std::string>;

constexpr size_t kMaxName = 63;
constexpr size_t kMaxLongName = 253;
constexpr size_t kMaxLabelPrefix = 253;
constexpr size_t kMaxRepository = 255;
constexpr size_t kMaxTag = 128;
constexpr size_t kMaxFilePath = 1024;
constexpr std::chrono::hours kMaxDuration{24 * 365 * 10};

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool IsLower(char c) {
  return c >= 'a' && c <= 'z';
}
bool IsUpper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool IsLowerAlnum(char c) {
  return IsLower(c) || IsDigit(c);
}
bool IsAlnum(char c) {
  return IsLowerAlnum(c) || IsUpper(c);
}

bool OnlyHas(std::string_view text, bool (*allowed)(char)) {
  for (char c : text) {
    if (!allowed(c)) return false;
  }
  return true;
}

Problem NameProblem(std::string_view value) {
  auto inner = [](char c) { return IsLowerAlnum(c) || c == '.' || c == '_' || c == '-'; };
  if (value.empty() || value.size() > kMaxName || !OnlyHas(value, inner) ||
      !IsLowerAlnum(value.front()) || !IsLowerAlnum(value.back())) {
    return "1 to 63 of a-z, 0-9, '.', '_' and '-', a letter or digit at both ends";
  }
  return {};
}

Problem LongNameProblem(std::string_view value) {
  auto inner = [](char c) { return IsLowerAlnum(c) || c == '.' || c == '_' || c == '-'; };
  if (value.empty() || value.size() > kMaxLongName || !OnlyHas(value, inner) ||
      !IsLowerAlnum(value.front()) || !IsLowerAlnum(value.back())) {
    return "1 to 253 of a-z, 0-9, '.', '_' and '-', a letter or digit at both ends";
  }
  return {};
}

bool IsLabelPart(std::string_view value) {
  auto inner = [](char c) { return IsAlnum(c) || c == '.' || c == '_' || c == '-'; };
  return !value.empty() && value.size() <= kMaxName && OnlyHas(value, inner) &&
         IsAlnum(value.front()) && IsAlnum(value.back());
}

bool IsDnsName(std::string_view value) {
  if (value.size() > kMaxLabelPrefix) return false;
  while (true) {
    std::string_view part = value.substr(0, value.find('.'));
    auto inner = [](char c) { return IsLowerAlnum(c) || c == '-'; };
    if (part.empty() || part.size() > kMaxName || !OnlyHas(part, inner) || part.front() == '-' ||
        part.back() == '-') {
      return false;
    }
    if (part.size() == value.size()) return true;
    value.remove_prefix(part.size() + 1);
  }
}

Problem LabelKeyProblem(std::string_view value) {
  size_t slash = value.find('/');
  bool has_prefix = slash != std::string_view::npos;
  if ((has_prefix && !IsDnsName(value.substr(0, slash))) ||
      !IsLabelPart(has_prefix ? value.substr(slash + 1) : value)) {
    return "a label key is [DNS-NAME/]KEY with a KEY of 1 to 63 letters, digits, '-', '_' and '.'";
  }
  return {};
}

Problem LabelValueProblem(std::string_view value) {
  if (value.empty() || IsLabelPart(value)) return {};
  return "a label value has at most 63 letters, digits, '-', '_' and '.', a letter or digit at "
         "both ends";
}

Problem DigestProblem(std::string_view value) {
  Result<Digest> digest = Digest::Parse(value);
  if (digest.has_value()) return {};
  return digest.error().message();
}

// distribution-spec: [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)* joined by '/'.
bool IsRepositoryPart(std::string_view part) {
  if (part.empty() || !IsLowerAlnum(part.front()) || !IsLowerAlnum(part.back())) return false;
  for (size_t i = 0; i < part.size();) {
    if (IsLowerAlnum(part[i])) {
      ++i;
      continue;
    }
    size_t end = i;
    while (end < part.size() && part[end] == part[i]) ++end;
    size_t run = end - i;
    bool separator = (part[i] == '.' && run == 1) || (part[i] == '_' && run <= 2) || part[i] == '-';
    if (!separator || !IsLowerAlnum(part[end])) return false;
    i = end;
  }
  return true;
}

Problem RepositoryProblem(std::string_view value) {
  Problem problem =
      "a repository is at most 255 bytes of parts joined by '/', each a-z and 0-9, with single "
      "'.', '_', '__' or '-' between them";
  if (value.size() > kMaxRepository) return problem;
  while (true) {
    std::string_view part = value.substr(0, value.find('/'));
    if (!IsRepositoryPart(part)) return problem;
    if (part.size() == value.size()) return {};
    value.remove_prefix(part.size() + 1);
  }
}

bool IsTag(std::string_view tag) {
  auto inner = [](char c) { return IsAlnum(c) || c == '.' || c == '_' || c == '-'; };
  return !tag.empty() && tag.size() <= kMaxTag && OnlyHas(tag, inner) &&
         (IsAlnum(tag.front()) || tag.front() == '_');
}

bool IsHost(std::string_view part) {
  auto inner = [](char c) { return IsAlnum(c) || c == '.' || c == '-' || c == ':'; };
  bool marked = part == "localhost" || part.find_first_of(".:") != std::string_view::npos;
  return marked && OnlyHas(part, inner);
}

Problem ReferenceProblem(std::string_view value) {
  std::string_view rest = value;
  bool pinned = false;
  if (size_t at = rest.find('@'); at != std::string_view::npos) {
    if (Problem problem = DigestProblem(rest.substr(at + 1))) return problem;
    rest = rest.substr(0, at);
    pinned = true;
  }
  size_t colon = rest.rfind(':');
  bool tagged = colon != std::string_view::npos && rest.find('/', colon) == std::string_view::npos;
  if (tagged) {
    if (!IsTag(rest.substr(colon + 1))) {
      return "the tag has 1 to 128 letters, digits, '.', '_' and '-' and begins with a letter, "
             "digit or '_'";
    }
    rest = rest.substr(0, colon);
  }
  if (!tagged && !pinned) return "a reference is NAME:TAG or NAME@sha256:...: add the tag";
  size_t slash = rest.find('/');
  if (slash != std::string_view::npos && IsHost(rest.substr(0, slash)))
    rest.remove_prefix(slash + 1);
  return RepositoryProblem(rest);
}

Problem DurationProblem(std::string_view value) {
  Result<std::chrono::milliseconds> duration = ParseDuration(value);
  if (duration.has_value()) return {};
  return duration.error().message();
}

Problem DateTimeProblem(std::string_view value) {
  if (ParseRfc3339(value).has_value()) return {};
  return "a date and time as in RFC 3339, such as 2026-11-22T10:00:00Z";
}

Problem UidProblem(std::string_view value) {
  auto hex = [](char c) { return IsDigit(c) || (c >= 'a' && c <= 'f'); };
  if (value.size() == 32 && OnlyHas(value, hex)) return {};
  return "a uid is 32 lower-case hex digits";
}

Problem FilePathProblem(std::string_view value) {
  Problem problem = "a relative path of at most 1024 bytes, without '.', '..' and empty parts";
  if (value.size() > kMaxFilePath || value.find('\0') != std::string_view::npos) return problem;
  while (true) {
    std::string_view part = value.substr(0, value.find('/'));
    if (part.empty() || part == "." || part == "..") return problem;
    if (part.size() == value.size()) return {};
    value.remove_prefix(part.size() + 1);
  }
}

using Check = Problem (*)(std::string_view);
constexpr std::pair<std::string_view, Check> kFormats[] = {
    {"name", NameProblem},
    {"long-name", LongNameProblem},
    {"label-key", LabelKeyProblem},
    {"label-value", LabelValueProblem},
    {"digest", DigestProblem},
    {"reference", ReferenceProblem},
    {"repository", RepositoryProblem},
    {"duration", DurationProblem},
    {"date-time", DateTimeProblem},
    {"uid", UidProblem},
    {"file-path", FilePathProblem},
};

Check FindFormat(std::string_view format) {
  for (const auto& [name, check] : kFormats) {
    if (name == format) return check;
  }
  return nullptr;
}

std::optional<std::chrono::milliseconds> UnitOf(std::string_view unit) {
  if (unit == "ms") return std::chrono::milliseconds(1);
  if (unit == "s") return std::chrono::seconds(1);
  if (unit == "m") return std::chrono::minutes(1);
  if (unit == "h") return std::chrono::hours(1);
  if (unit == "d") return std::chrono::hours(24);
  return {};
}

}  // namespace

bool IsKnownFormat(std::string_view format) {
  return FindFormat(format) != nullptr;
}

std::optional<std::string> FormatProblem(std::string_view format, std::string_view value) {
  Check check = FindFormat(format);
  CHECK_NOTE(check != nullptr, format);
  return check(value);
}

Result<void> CheckFormat(std::string_view format, std::string_view value, std::string_view field) {
  std::optional<std::string> problem = FormatProblem(format, value);
  if (!problem) return {};
  return InvalidArgument("FIELD_FORMAT",
                         std::string(field) + ": " + *problem + ", got " + Quoted(value))
      .With("field", std::string(field));
}

Result<std::chrono::milliseconds> ParseDuration(std::string_view text) {
  Error error =
      InvalidArgument("DURATION_INVALID",
                      "a duration is a number with ms, s, m, h or d, such as 90s or 1h30m, and "
                      "at most 3650d");
  std::chrono::milliseconds total{0};
  const char* at = text.data();
  const char* end = at + text.size();
  if (at == end) return error;
  while (at != end) {
    uint64_t number = 0;
    auto [after, status] = std::from_chars(at, end, number);
    if (status != std::errc()) return error;
    const char* unit_end = after;
    while (unit_end != end && IsLower(*unit_end)) ++unit_end;
    auto unit = UnitOf(std::string_view(after, static_cast<size_t>(unit_end - after)));
    if (!unit) return error;
    if (number > static_cast<uint64_t>((kMaxDuration - total) / *unit)) return error;
    total += *unit * static_cast<int64_t>(number);
    at = unit_end;
  }
  return total;
}

std::string Quoted(std::string_view text) {
  constexpr size_t kMaxShown = 64;
  constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  size_t shown = text.size() <= kMaxShown ? text.size() : kMaxShown;
  // Never half a UTF-8 character.
  while (shown < text.size() && shown > 0 && (text[shown] & 0xC0) == 0x80) --shown;
  for (char c : text.substr(0, shown)) {
    auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    } else {
      if (c == '"' || c == '\\') out.push_back('\\');
      out.push_back(c);
    }
  }
  out += shown < text.size() ? "...\"" : "\"";
  return out;
}

}  // namespace slipway
