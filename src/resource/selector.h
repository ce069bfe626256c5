// Label selectors: "a=b,c!=d,e,!f", all of which must hold.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slipway::resource {

class Selector {
 public:
  // INVALID_ARGUMENT / SELECTOR_INVALID, detail field "label". Empty: everything.
  static Result<Selector> Parse(std::string_view text);

  bool empty() const { return terms_.empty(); }
  bool Matches(const std::map<std::string, std::string>& labels) const;
  // A term KEY=VALUE that an index can answer, if there is one.
  std::optional<std::pair<std::string, std::string>> IndexTerm() const;

 private:
  // c!=d also holds for objects without the label c.
  enum class Operator : uint8_t { kEquals, kNotEquals, kExists, kNotExists };
  struct Term {
    Operator op;
    std::string key;
    std::string value;
  };

  static Result<Term> ParseTerm(std::string_view text);

  std::vector<Term> terms_;
};

}  // namespace slipway::resource
