#include "resource/search/operand.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/format_check.h"

namespace slipway::resource {
namespace {

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

Error Wanted(std::string_view what) {
  return InvalidArgument("WHERE_INVALID", std::string(what));
}

// What a size is multiplied by for its unit; nothing for a word that is none.
std::optional<double> UnitOf(std::string_view unit) {
  constexpr std::pair<std::string_view, double> kUnits[] = {
      {"", 1},      {"b", 1},      {"kb", 1e3},      {"mb", 1e6},     {"gb", 1e9},
      {"tb", 1e12}, {"kib", 1024}, {"mib", 1048576}, {"gib", 0x1p30}, {"tib", 0x1p40},
  };
  const auto* found = std::ranges::find(kUnits, unit, &std::pair<std::string_view, double>::first);
  if (found == std::end(kUnits)) return {};
  return found->second;
}

std::optional<SearchNumber> ParseBytes(std::string_view folded) {
  const size_t end = folded.find_last_of("0123456789.") + 1;  // npos + 1 is 0
  const auto number = ParseSearchNumber(folded.substr(0, end));
  const auto unit = UnitOf(folded.substr(end));
  if (!number || !unit) return {};
  if (number->whole && *unit == 1) return number;
  const double bytes = number->value * *unit;
  SearchNumber scaled{.value = bytes, .whole = {}};
  if (bytes == std::floor(bytes) && std::abs(bytes) < 0x1p53) {
    scaled.whole = static_cast<int64_t>(bytes);
  }
  return scaled;
}

// All of the day that a date alone means, else the one millisecond.
Result<std::pair<WallTime, WallTime>> ParseTime(std::string_view text) {
  constexpr size_t kDateBytes = 10;
  const bool is_date = text.size() == kDateBytes;
  TRY(begin, ParseRfc3339(is_date ? std::string(text) + "T00:00:00Z" : std::string(text)));
  const std::chrono::milliseconds length =
      is_date ? std::chrono::hours(24) : std::chrono::milliseconds(1);
  return std::pair(begin, begin + length);
}

// As a number: one of JSON, or a text that is one (ormb keeps all figures as texts).
std::optional<SearchNumber> NumberOf(const Json& value) {
  if (value.is_number_unsigned()) {
    const auto number = value.get<uint64_t>();
    SearchNumber out{.value = static_cast<double>(number), .whole = {}};
    if (std::in_range<int64_t>(number)) out.whole = static_cast<int64_t>(number);
    return out;
  }
  if (value.is_number_integer()) {
    const auto number = value.get<int64_t>();
    return SearchNumber{.value = static_cast<double>(number), .whole = number};
  }
  if (value.is_number()) return SearchNumber{.value = value.get<double>(), .whole = {}};
  if (value.is_string()) return ParseSearchNumber(value.get_ref<const std::string&>());
  return {};
}

std::string FoldedTextOf(const Json& value) {
  return Folded(value.is_string() ? value.get_ref<const std::string&>() : DumpJson(value));
}

// The number of bytes of the UTF-8 character that begins here.
size_t CharacterBytes(std::string_view text, size_t at) {
  size_t end = at + 1;
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) ++end;
  return end - at;
}

// `*` is any text, `?` one character. The last star is the only one that is tried again.
bool MatchesGlob(std::string_view text, std::string_view pattern) {
  size_t at = 0;
  size_t in_pattern = 0;
  size_t star = std::string_view::npos;
  size_t after_star = 0;
  while (at < text.size()) {
    if (in_pattern < pattern.size() && pattern[in_pattern] == '*') {
      star = in_pattern++;
      after_star = at;
    } else if (in_pattern < pattern.size() && pattern[in_pattern] == '?') {
      at += CharacterBytes(text, at);
      ++in_pattern;
    } else if (in_pattern < pattern.size() && pattern[in_pattern] == text[at]) {
      ++at;
      ++in_pattern;
    } else if (star != std::string_view::npos) {
      after_star += CharacterBytes(text, after_star);
      at = after_star;
      in_pattern = star + 1;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', in_pattern) == std::string_view::npos;
}

// Takes the number at the front, without leading zeros.
std::string_view TakeDigits(std::string_view& text) {
  size_t end = 0;
  while (end < text.size() && IsDigit(text[end])) ++end;
  std::string_view digits = text.substr(0, end);
  text.remove_prefix(end);
  while (digits.size() > 1 && digits.front() == '0') digits.remove_prefix(1);
  return digits;
}

}  // namespace

std::optional<SearchNumber> ParseSearchNumber(std::string_view text) {
  std::string_view digits = text;
  if (digits.starts_with('-') || digits.starts_with('+')) digits.remove_prefix(1);
  if (digits.starts_with('.')) digits.remove_prefix(1);
  if (digits.empty() || !IsDigit(digits.front())) return {};  // from_chars also takes "inf"
  if (text.starts_with('+')) text.remove_prefix(1);
  SearchNumber number;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number.value);
  if (error != std::errc() || rest != end) return {};
  int64_t whole = 0;
  const auto [whole_rest, whole_error] = std::from_chars(text.data(), end, whole);
  if (whole_error == std::errc() && whole_rest == end) number.whole = whole;
  return number;
}

std::string Folded(std::string_view text) {
  std::string folded(text);
  for (char& c : folded) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return folded;
}

std::weak_ordering NaturalOrder(std::string_view a, std::string_view b) {
  while (!a.empty() && !b.empty()) {
    if (IsDigit(a.front()) && IsDigit(b.front())) {
      const std::string_view left = TakeDigits(a);
      const std::string_view right = TakeDigits(b);
      if (left.size() != right.size()) return left.size() <=> right.size();
      if (const int order = left.compare(right); order != 0) return order <=> 0;
      continue;
    }
    if (a.front() != b.front()) {
      return static_cast<unsigned char>(a.front()) <=> static_cast<unsigned char>(b.front());
    }
    a.remove_prefix(1);
    b.remove_prefix(1);
  }
  return a.size() <=> b.size();
}

Result<Operand> Operand::Make(std::string_view text, bool quoted, SearchType type) {
  Operand operand;
  operand.folded_ = Folded(text);
  operand.type_ = type;
  operand.quoted_ = quoted;
  switch (type) {
    case SearchType::kText:
      break;
    case SearchType::kBytes:
      operand.number_ = ParseBytes(operand.folded_);
      if (!operand.number_) return Wanted("a size, such as 20MB or 1.5GiB");
      break;
    case SearchType::kTime: {
      const auto time = ParseTime(text);
      if (!time) return Wanted("a time, such as 2026-11-22 or 2026-11-22T10:00:00Z");
      operand.begin_ = time->first;
      operand.end_ = time->second;
      break;
    }
    case SearchType::kAny:
      if (!quoted) operand.number_ = ParseSearchNumber(text);
      break;
  }
  return operand;
}

Operand Operand::Pattern(std::string_view text) {
  Operand operand;
  operand.folded_ = Folded(text);
  operand.is_part_ = text.find_first_of("*?") == std::string_view::npos;
  operand.is_glob_ = !operand.is_part_;
  return operand;
}

// Once to fold it, once to compare; a pattern may be tried anew at each character.
uint64_t Operand::cost() const {
  return is_glob_ ? 2 + folded_.size() : 2;
}

bool Operand::Equals(const Json& value) const {
  // Texts are equal by their letters, though 01 and 1 have the same place in an order.
  const bool is_text = type_ == SearchType::kText || (type_ == SearchType::kAny && !number_);
  return is_text ? FoldedTextOf(value) == folded_
                 : Order(value) == std::partial_ordering::equivalent;
}

std::partial_ordering Operand::Order(const Json& value) const {
  if (type_ == SearchType::kTime) {
    if (!value.is_string()) return std::partial_ordering::unordered;
    const auto time = ParseRfc3339(value.get_ref<const std::string&>());
    if (!time) return std::partial_ordering::unordered;
    if (*time < begin_) return std::partial_ordering::less;
    return *time < end_ ? std::partial_ordering::equivalent : std::partial_ordering::greater;
  }
  if (number_) {
    const auto number = NumberOf(value);
    return number ? *number <=> *number_ : std::partial_ordering::unordered;
  }
  // Of what is no text only the same kind has an order.
  if (!value.is_string() && !quoted_) return std::partial_ordering::unordered;
  return NaturalOrder(FoldedTextOf(value), folded_);
}

bool Operand::IsLike(const Json& value) const {
  const std::string text = FoldedTextOf(value);
  return is_part_ ? text.find(folded_) != std::string::npos : MatchesGlob(text, folded_);
}

}  // namespace slipway::resource
