// Operand: a value that an expression compares with, understood as its field's type wants it.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "resource/search/fields.h"

namespace slipway::resource {

// A number that is exact where it is a whole one.
struct SearchNumber {
  double value = 0;
  std::optional<int64_t> whole;

  friend std::partial_ordering operator<=>(const SearchNumber& a, const SearchNumber& b) {
    if (a.whole && b.whole) return *a.whole <=> *b.whole;
    return a.value <=> b.value;
  }
};

// As in JSON, and also +1, 007 and .5; nothing for any other text.
std::optional<SearchNumber> ParseSearchNumber(std::string_view text);

// ASCII letters in lower case, the rest as it is.
std::string Folded(std::string_view text);
// Where two texts stand to each other when digits in a row are one number: 1.9 before 1.10.
std::weak_ordering NaturalOrder(std::string_view a, std::string_view b);

class Operand {
 public:
  // `quoted`: a text, whatever it looks like. The error is what was expected: "a size, such as
  // 20MB".
  static Result<Operand> Make(std::string_view text, bool quoted, SearchType type);
  // For `~`: a pattern if it has `*` or `?`, else a part of the text.
  static Operand Pattern(std::string_view text);

  // Equal, or where the value stands; unordered if the two have nothing in common. `value` is a
  // number, a text or true or false.
  bool Equals(const Json& value) const;
  std::partial_ordering Order(const Json& value) const;
  bool IsLike(const Json& value) const;
  // How often it looks at a byte of a value, at most.
  uint64_t cost() const;
  // Whether a text that was cut may be compared as if it were whole.
  bool is_part() const { return is_part_; }

 private:
  std::string folded_;
  SearchType type_ = SearchType::kText;
  bool quoted_ = false;
  bool is_part_ = false;
  bool is_glob_ = false;
  std::optional<SearchNumber> number_;
  WallTime begin_;  // of kTime: of what the text means
  WallTime end_;
};

}  // namespace slipway::resource
