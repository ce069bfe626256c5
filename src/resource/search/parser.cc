// From the text of an expression to its steps.
#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/format_check.h"
#include "base/nearest_word.h"
#include "base/utf8.h"
#include "resource/limits.h"
#include "resource/search/expression.h"
#include "resource/search/lexer.h"

namespace slipway::resource {
namespace {

using Kind = SearchToken::Kind;

constexpr std::string_view kAuthorPrefix = "metadata";
constexpr std::string_view kAuthorPath = "status.metadata.";
constexpr size_t kMaxFieldParts = 3;  // of a SearchField's name

std::string Joined(std::span<const std::string> parts) {
  return fmt::format("{}", fmt::join(parts, "."));
}

std::string Shown(const SearchToken& token) {
  return token.kind == Kind::kEnd ? "the end" : slipway::Quoted(token.text);
}

// A field and what follows its name.
struct FoundField {
  const SearchField* field = nullptr;
  std::vector<std::string> keys;
};

// The field with the longest name that these parts begin with.
std::optional<FoundField> FindField(std::span<const std::string> parts,
                                    std::span<const SearchField> fields) {
  for (size_t count = std::min(parts.size(), kMaxFieldParts); count > 0; --count) {
    const std::string name = Folded(Joined(parts.first(count)));
    for (const SearchField& field : fields) {
      if (Folded(field.name) != name) continue;
      FoundField found{.field = &field, .keys = {}};
      for (const std::string& key : parts.subspan(count)) found.keys.push_back(Folded(key));
      return found;
    }
  }
  return {};
}

Error UnknownField(const SearchToken& at, const std::string& name,
                   std::span<const SearchField> fields) {
  std::vector<std::string> names;
  for (const SearchField& field : fields) names.emplace_back(field.name);
  const std::string nearest = NearestWord(name, names);
  return InvalidArgument(
             "WHERE_FIELD_UNKNOWN",
             fmt::format("where: column {}: there is no field {}{}; there are {}", at.column,
                         slipway::Quoted(name),
                         nearest.empty() ? "" : fmt::format(", did you mean {}?", nearest),
                         fmt::join(names, ", ")))
      .With("field", "where");
}

}  // namespace

// One pass, one token ahead.
class ExpressionParser {
 public:
  ExpressionParser(std::string_view text, std::span<const SearchField> fields)
      : lexer_(text), fields_(fields) {}

  Result<Expression> Parse() {
    TRY_VOID(Advance());
    if (now_.kind == Kind::kEnd) return Expression();
    TRY_VOID(Or());
    if (now_.kind != Kind::kEnd) return Expected("and, or, or the end");
    return std::move(made_);
  }

 private:
  using Test = Expression::Test;
  using Step = Expression::Step;
  using Term = Expression::Term;

  Result<void> Advance() {
    TRY(next, lexer_.Next());
    now_ = std::move(next);
    return {};
  }

  Error Expected(std::string_view what) const {
    return WhereError(now_.column, fmt::format("expected {}, got {}", what, Shown(now_)));
  }

  bool Is(std::string_view symbol) const {
    return now_.kind == Kind::kSymbol && now_.text == symbol;
  }
  bool IsWord(std::string_view word) const {
    return now_.kind == Kind::kWord && Folded(now_.text) == word;
  }

  void Push(Step::Kind kind) { made_.steps_.push_back({.kind = kind, .term = 0}); }

  Result<void> Or() {
    TRY_VOID(And());
    while (IsWord("or")) {
      TRY_VOID(Advance());
      TRY_VOID(And());
      Push(Step::Kind::kOr);
    }
    return {};
  }

  Result<void> And() {
    TRY_VOID(Not());
    while (IsWord("and")) {
      TRY_VOID(Advance());
      TRY_VOID(Not());
      Push(Step::Kind::kAnd);
    }
    return {};
  }

  Result<void> Not() {
    bool negated = false;
    for (; IsWord("not"); negated = !negated) TRY_VOID(Advance());
    if (Is("(")) {
      if (++depth_ > kMaxWhereDepth) {
        return WhereError(now_.column,
                          fmt::format("at most {} parentheses in each other", kMaxWhereDepth));
      }
      TRY_VOID(Advance());
      TRY_VOID(Or());
      if (!Is(")")) return Expected("and, or, or )");
      TRY_VOID(Advance());
      --depth_;
    } else {
      TRY_VOID(OneTerm());
    }
    if (negated) Push(Step::Kind::kNot);
    return {};
  }

  Result<void> OneTerm() {
    if (made_.terms_.size() == kMaxWhereTerms) {
      return WhereError(now_.column, fmt::format("at most {} comparisons", kMaxWhereTerms));
    }
    const bool has = IsWord("has");
    if (has) TRY_VOID(Advance());
    const size_t column = now_.column;
    TRY(found, Field());
    Term term{.field = found.field, .keys = std::move(found.keys)};
    if (!has) TRY_VOID(Comparison(term));
    if (!has && term.field->shape != SearchShape::kValue && term.keys.empty()) {
      return WhereError(column,
                        fmt::format("a name must follow {0}, as in {0}.NAME", term.field->name));
    }
    made_.steps_.push_back({.kind = Step::Kind::kTerm, .term = made_.terms_.size()});
    made_.terms_.push_back(std::move(term));
    return {};
  }

  // Splits at dots what stands in a word, and takes a quoted part that follows a dot as it is.
  Result<std::vector<std::string>> Parts() {
    std::vector<std::string> parts;
    std::string name = std::move(now_.text);
    TRY_VOID(Advance());
    while (true) {
      for (size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.')) {
        parts.push_back(name.substr(0, dot));
        name.erase(0, dot + 1);
      }
      const bool wants_more = name.empty();
      if (!wants_more) {
        parts.push_back(std::move(name));
        return parts;
      }
      if (now_.kind != Kind::kQuoted || !now_.is_next) return Expected("a name after the dot");
      parts.push_back(std::move(now_.text));
      TRY_VOID(Advance());
      if (now_.kind != Kind::kWord || !now_.is_next || !now_.text.starts_with('.')) return parts;
      name = now_.text.substr(1);
      TRY_VOID(Advance());
    }
  }

  Result<FoundField> Field() {
    if (now_.kind != Kind::kWord) return Expected("a field, not or (");
    const SearchToken at = now_;
    TRY(parts, Parts());
    if (std::ranges::any_of(parts, &std::string::empty)) {
      return WhereError(at.column, "a name is missing between the dots");
    }
    std::optional<FoundField> found = FindField(parts, fields_);
    if (!found && parts.size() > 1 && Folded(parts[0]) == kAuthorPrefix) {
      found = FindField(std::span(parts).subspan(1), fields_);
      if (found && !found->field->path.starts_with(kAuthorPath)) found.reset();
    }
    const bool has_place =
        found && (found->keys.empty() || found->field->shape != SearchShape::kValue);
    if (!has_place) return UnknownField(at, Joined(parts), fields_);
    return *std::move(found);
  }

  Result<void> Comparison(Term& term) {
    term.negated = IsWord("not");
    if (term.negated) TRY_VOID(Advance());
    if (IsWord("in")) return Values(term);
    if (term.negated) return Expected("in");
    constexpr std::pair<std::string_view, Test> kTests[] = {{"=", Test::kIs},
                                                            {"==", Test::kIs},
                                                            {"!=", Test::kIs},
                                                            {"<", Test::kLess},
                                                            {"<=", Test::kLessOrEqual},
                                                            {">", Test::kGreater},
                                                            {">=", Test::kGreaterOrEqual},
                                                            {"~", Test::kLike},
                                                            {"!~", Test::kLike}};
    const auto* test =
        std::ranges::find_if(kTests, [this](const auto& entry) { return Is(entry.first); });
    if (test == std::end(kTests)) {
      return Expected("a comparison (= != < <= > >= ~ !~ in), as has has none");
    }
    term.test = test->second;
    term.negated = test->first.starts_with('!');
    TRY_VOID(Advance());
    return Value(term);
  }

  Result<void> Values(Term& term) {
    term.test = Test::kIs;
    TRY_VOID(Advance());
    if (!Is("(")) return Expected("( and the values, as in (a, b)");
    do {
      TRY_VOID(Advance());
      TRY_VOID(Value(term));
    } while (Is(","));
    if (!Is(")")) return Expected(", or )");
    return Advance();
  }

  Result<void> Value(Term& term) {
    if (now_.kind != Kind::kWord && now_.kind != Kind::kQuoted) return Expected("a value");
    if (++values_ > kMaxWhereValues) {
      return WhereError(now_.column, fmt::format("at most {} values", kMaxWhereValues));
    }
    const SearchType type = term.field->type;
    if (term.test == Test::kLike) {
      if (type == SearchType::kBytes || type == SearchType::kTime) {
        return WhereError(now_.column,
                          fmt::format("~ is for texts, and {} is none", term.field->name));
      }
      term.operands.push_back(Operand::Pattern(now_.text));
      return Advance();
    }
    auto operand = Operand::Make(now_.text, now_.kind == Kind::kQuoted, type);
    if (!operand) return Expected(operand.error().message());
    term.operands.push_back(*std::move(operand));
    return Advance();
  }

  SearchLexer lexer_;
  const std::span<const SearchField> fields_;
  SearchToken now_;
  Expression made_;
  size_t depth_ = 0;
  size_t values_ = 0;
};

Result<Expression> Expression::Parse(std::string_view text, std::span<const SearchField> fields) {
  if (text.size() > kMaxWhereBytes) {
    return WhereError(1, fmt::format("at most {} bytes, got {}", kMaxWhereBytes, text.size()));
  }
  if (FindInvalidUtf8(text)) return WhereError(1, "this is no UTF-8");
  return ExpressionParser(text, fields).Parse();
}

}  // namespace slipway::resource
