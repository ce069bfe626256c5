#include "base/clock.h"

#include <algorithm>
#include <cstdio>
#include <optional>

namespace slipway {
namespace {

namespace chr = std::chrono;

class RealClock final : public Clock {
 public:
  WallTime Wall() override { return chr::floor<chr::milliseconds>(chr::system_clock::now()); }
  SteadyTime Steady() override { return chr::steady_clock::now(); }
};

// RFC 3339 has four digits for the year.
constexpr WallTime kFirst = chr::sys_days(chr::January / 1 / 0);
constexpr WallTime kLast = chr::sys_days(chr::January / 1 / 10000) - chr::milliseconds(1);

// Reads a text from left to right; every reader answers nothing where the text differs.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  std::optional<int> Number(size_t digits) {
    if (text_.size() < digits) return std::nullopt;
    int value = 0;
    for (const char c : text_.substr(0, digits)) {
      if (c < '0' || c > '9') return std::nullopt;
      value = value * 10 + (c - '0');
    }
    text_.remove_prefix(digits);
    return value;
  }
  // One of `choices`, or 0.
  char OneOf(std::string_view choices) {
    if (text_.empty() || choices.find(text_[0]) == std::string_view::npos) return 0;
    const char c = text_[0];
    text_.remove_prefix(1);
    return c;
  }
  // One digit or more after a dot, cut to milliseconds; 0 without a dot.
  std::optional<int> FractionMs() {
    if (OneOf(".") == 0) return 0;
    int value = 0;
    size_t digits = 0;
    while (!text_.empty() && text_[0] >= '0' && text_[0] <= '9') {
      if (digits < 3) value = value * 10 + (text_[0] - '0');
      text_.remove_prefix(1);
      ++digits;
    }
    if (digits == 0) return std::nullopt;
    for (; digits < 3; ++digits) value *= 10;
    return value;
  }
  // Z, or +hh:mm, or -hh:mm.
  std::optional<chr::minutes> Offset() {
    const char sign = OneOf("Zz+-");
    if (sign == 0) return std::nullopt;
    if (sign == 'Z' || sign == 'z') return chr::minutes(0);
    const std::optional<int> hours = Number(2);
    if (!hours || *hours > 23 || OneOf(":") == 0) return std::nullopt;
    const std::optional<int> minutes = Number(2);
    if (!minutes || *minutes > 59) return std::nullopt;
    const chr::minutes offset(*hours * 60 + *minutes);
    return sign == '+' ? offset : -offset;
  }
  bool AtEnd() const { return text_.empty(); }

 private:
  std::string_view text_;
};

std::optional<chr::sys_days> ReadDate(Cursor& cursor) {
  const std::optional<int> year = cursor.Number(4);
  if (!year || cursor.OneOf("-") == 0) return std::nullopt;
  const std::optional<int> month = cursor.Number(2);
  if (!month || cursor.OneOf("-") == 0) return std::nullopt;
  const std::optional<int> day = cursor.Number(2);
  if (!day) return std::nullopt;
  const chr::year_month_day date(chr::year(*year), chr::month(static_cast<unsigned>(*month)),
                                 chr::day(static_cast<unsigned>(*day)));
  if (!date.ok()) return std::nullopt;
  return chr::sys_days(date);
}

// A leap second (60) is the next minute's first.
std::optional<chr::milliseconds> ReadTime(Cursor& cursor) {
  const std::optional<int> hour = cursor.Number(2);
  if (!hour || *hour > 23 || cursor.OneOf(":") == 0) return std::nullopt;
  const std::optional<int> minute = cursor.Number(2);
  if (!minute || *minute > 59 || cursor.OneOf(":") == 0) return std::nullopt;
  const std::optional<int> second = cursor.Number(2);
  if (!second || *second > 60) return std::nullopt;
  const std::optional<int> fraction = cursor.FractionMs();
  if (!fraction) return std::nullopt;
  return chr::hours(*hour) + chr::minutes(*minute) + chr::seconds(*second) +
         chr::milliseconds(*fraction);
}

std::optional<WallTime> ReadTimestamp(std::string_view text) {
  Cursor cursor(text);
  const std::optional<chr::sys_days> date = ReadDate(cursor);
  if (!date || cursor.OneOf("Tt ") == 0) return std::nullopt;
  const std::optional<chr::milliseconds> time = ReadTime(cursor);
  if (!time) return std::nullopt;
  const std::optional<chr::minutes> offset = cursor.Offset();
  if (!offset || !cursor.AtEnd()) return std::nullopt;
  return *date + *time - *offset;
}

}  // namespace

Clock& SystemClock() {
  static RealClock clock;
  return clock;
}

std::string FormatRfc3339(WallTime time) {
  time = std::clamp(time, kFirst, kLast);
  const auto day = chr::floor<chr::days>(time);
  const chr::year_month_day date(day);
  const chr::hh_mm_ss clock(time - day);
  char text[32];
  const int size = std::snprintf(
      text, sizeof(text), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  return {text, static_cast<size_t>(size)};
}

Result<WallTime> ParseRfc3339(std::string_view text) {
  const std::optional<WallTime> time = ReadTimestamp(text);
  if (!time) {
    return InvalidArgument("TIME_INVALID",
                           "not a time as RFC 3339 writes it: write 2026-11-22T10:00:00Z");
  }
  return *time;
}

}  // namespace slipway
