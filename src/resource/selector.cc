#include "resource/selector.h"

#include "base/format_check.h"
#include "resource/limits.h"

namespace slipway::resource {
namespace {

Error Invalid(const std::string& what) {
  return InvalidArgument("SELECTOR_INVALID",
                         "label: " + what + "; a selector is like a=b,c!=d,e,!f")
      .With("field", "label");
}

std::string_view Trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

}  // namespace

Result<Selector::Term> Selector::ParseTerm(std::string_view text) {
  Term term{.op = Operator::kExists, .key = {}, .value = {}};
  std::string_view key = text;
  if (size_t at = text.find('='); at != std::string_view::npos) {
    bool negated = at > 0 && text[at - 1] == '!';
    term.op = negated ? Operator::kNotEquals : Operator::kEquals;
    key = text.substr(0, negated ? at - 1 : at);
    std::string_view value = text.substr(at + 1);
    if (!negated && value.starts_with('=')) value.remove_prefix(1);  // a==b
    term.value = Trimmed(value);
  } else if (text.starts_with('!')) {
    term.op = Operator::kNotExists;
    key = text.substr(1);
  }
  term.key = Trimmed(key);
  if (auto problem = FormatProblem("label-key", term.key)) return Invalid(*problem);
  if (auto problem = FormatProblem("label-value", term.value)) return Invalid(*problem);
  return term;
}

Result<Selector> Selector::Parse(std::string_view text) {
  Selector selector;
  if (Trimmed(text).empty()) return selector;
  if (text.size() > kMaxSelectorBytes) {
    return Invalid("at most " + std::to_string(kMaxSelectorBytes) + " bytes");
  }
  while (true) {
    std::string_view part = text.substr(0, text.find(','));
    TRY(term, ParseTerm(Trimmed(part)));
    if (selector.terms_.size() == kMaxSelectorTerms) {
      return Invalid("at most " + std::to_string(kMaxSelectorTerms) + " terms");
    }
    selector.terms_.push_back(std::move(term));
    if (part.size() == text.size()) return selector;
    text.remove_prefix(part.size() + 1);
  }
}

bool Selector::Matches(const std::map<std::string, std::string>& labels) const {
  for (const Term& term : terms_) {
    auto found = labels.find(term.key);
    bool there = found != labels.end();
    bool equal = there && found->second == term.value;
    bool holds = term.op == Operator::kEquals      ? equal
                 : term.op == Operator::kNotEquals ? !equal
                 : term.op == Operator::kExists    ? there
                                                   : !there;
    if (!holds) return false;
  }
  return true;
}

std::optional<std::pair<std::string, std::string>> Selector::IndexTerm() const {
  for (const Term& term : terms_) {
    if (term.op == Operator::kEquals) return std::pair(term.key, term.value);
  }
  return {};
}

}  // namespace slipway::resource
