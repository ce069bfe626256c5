// Expression: what a list is searched for.
//
//   metrics.accuracy > 0.9 and format in (onnx, savedmodel) and not (tag ~ "rc*" or has
//   labels.draft)
//
//   or       = and { "or" and }
//   and      = not { "and" not }
//   not      = "not" not | "(" or ")" | term
//   term     = "has" field | field operator value | field [ "not" ] "in" "(" value { "," value }
//   ")" operator = "=" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "~" | "!~" field    = name { "." (
//   name | quoted ) } value    = word | quoted
//
// docs/search.md is the guide: what is equal to what, and what of several values and of none.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/json.h"
#include "base/result.h"
#include "resource/search/fields.h"
#include "resource/search/operand.h"

namespace slipway::resource {

// Whether something holds, as far as it is known: a list that was cut may have held the answer.
enum class Truth : uint8_t { kFalse, kUnknown, kTrue };

// Immutable once parsed. Evaluating takes time by the size of the expression times that of the
// document, and no recursion.
class Expression {
 public:
  // `fields` outlives the expression. Empty or blank: everything matches. INVALID_ARGUMENT /
  // WHERE_INVALID: "where: column 9: ...", WHERE_FIELD_UNKNOWN names the fields that there are;
  // detail field "where".
  static Result<Expression> Parse(std::string_view text, std::span<const SearchField> fields);

  bool empty() const { return steps_.empty(); }
  // How often a byte of a document is looked at, at most: what asking it costs by its size.
  uint64_t cost() const;
  // Whether a field's answer matters; by the path of its SearchField.
  bool Reads(std::string_view path) const;
  // `document` is a resource as JSON, and what its module adds. `status.metadata.cut` with
  // `cutMembers`, and the list `incomplete` of members of the document, say what may be missing.
  Truth Matches(const Json& document) const;

 private:
  friend class ExpressionParser;

  enum class Test : uint8_t { kHas, kIs, kLess, kLessOrEqual, kGreater, kGreaterOrEqual, kLike };
  struct Term {
    const SearchField* field = nullptr;
    std::vector<std::string> keys;  // in lower case
    Test test = Test::kHas;
    bool negated = false;           // `!=`, `!~`, `not in`: there is a value, and none is like that
    std::vector<Operand> operands;  // one of them; of kLess and so on, one
  };
  // In the order of a stack machine: a term pushes, the others take what is there.
  struct Step {
    enum class Kind : uint8_t { kTerm, kNot, kAnd, kOr } kind = Kind::kTerm;
    size_t term = 0;
  };
  class Evaluation;

  static bool Holds(const Term& term, const Operand& operand, const Json& value);

  std::vector<Term> terms_;
  std::vector<Step> steps_;
};

}  // namespace slipway::resource
