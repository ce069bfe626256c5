// Whether a document is what an expression asks for.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "resource/kinds/model.h"
#include "resource/search/expression.h"

namespace slipway::resource {
namespace {

constexpr std::string_view kAuthorPath = "status.metadata.";

// The member of a JSON object, or null.
const Json* Member(const Json& object, std::string_view name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

bool Lists(const Json* list, std::string_view text) {
  if (list == nullptr || !list->is_array()) return false;
  return std::ranges::any_of(*list, [&](const Json& item) {
    return item.is_string() && item.get_ref<const std::string&>() == text;
  });
}

// Whether the document shows less at this path than there is.
bool IsCut(const Json& document, std::string_view path) {
  if (!path.starts_with(kAuthorPath)) {
    return Lists(Member(document, "incomplete"), path.substr(0, path.find('.')));
  }
  const Json* status = Member(document, "status");
  const Json* metadata = status == nullptr ? nullptr : Member(*status, "metadata");
  // Nobody has looked into the package yet.
  if (metadata == nullptr) return status == nullptr || Member(*status, "phase") == nullptr;
  const Json* cut = Member(*metadata, "cut");
  if (cut == nullptr || !cut->is_boolean() || !cut->get<bool>()) return false;
  const Json* members = Member(*metadata, "cutMembers");
  const std::string_view in_metadata = path.substr(kAuthorPath.size());
  return members == nullptr || Lists(members, in_metadata.substr(0, in_metadata.find('.')));
}

bool IsScalar(const Json& value) {
  return value.is_string() || value.is_number() || value.is_boolean();
}

// Whether a text may be only the beginning of what it was.
bool MayBeBeginning(const Json& value) {
  constexpr size_t kUtf8Rest = 3;
  return value.is_string() &&
         value.get_ref<const std::string&>().size() + kUtf8Rest >= kMaxMetadataTextBytes;
}

}  // namespace

bool Expression::Holds(const Term& term, const Operand& operand, const Json& value) {
  switch (term.test) {
    case Test::kHas:
      return true;
    case Test::kIs:
      return operand.Equals(value);
    case Test::kLess:
      return std::is_lt(operand.Order(value));
    case Test::kLessOrEqual:
      return std::is_lteq(operand.Order(value));
    case Test::kGreater:
      return std::is_gt(operand.Order(value));
    case Test::kGreaterOrEqual:
      return std::is_gteq(operand.Order(value));
    case Test::kLike:
      return operand.IsLike(value);
  }
  return false;
}

// One term on one document: looks at each value that its field has.
class Expression::Evaluation {
 public:
  Evaluation(const Term& term, const Json& document)
      : term_(term), is_cut_(IsCut(document, term.field->path)) {
    for (const std::string& key : term.keys) joined_ += (joined_.empty() ? "" : ".") + key;
    Walk(document, term.field->path);
  }

  Truth Verdict() const {
    if (term_.test == Test::kHas || term_.negated) {
      if (term_.test == Test::kHas && any_) return Truth::kTrue;
      if (holds_) return Truth::kFalse;
      if (is_cut_ || may_hold_) return Truth::kUnknown;
      return any_ && term_.negated ? Truth::kTrue : Truth::kFalse;
    }
    if (holds_) return Truth::kTrue;
    return is_cut_ ? Truth::kUnknown : Truth::kFalse;
  }

 private:
  // As deep as the path has parts; lists on the way are looked through.
  void Walk(const Json& at, std::string_view path) {
    if (at.is_array() && !path.empty()) {
      for (const Json& item : at) Walk(item, path);
      return;
    }
    if (path.empty()) return End(at);
    const size_t dot = path.find('.');
    const Json* next = Member(at, path.substr(0, dot));
    if (next == nullptr) return;
    Walk(*next, dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1));
  }

  void End(const Json& at) {
    switch (term_.field->shape) {
      case SearchShape::kValue:
        return Values(at);
      case SearchShape::kKeyed:
        if (!at.is_object()) return;
        for (const auto& [key, value] : at.items()) {
          if (term_.keys.empty() || Folded(key) == joined_) Values(value);
        }
        return;
      case SearchShape::kNamed:
        return Named(at, joined_);
      case SearchShape::kGrouped:
        return Grouped(at);
    }
  }

  void Values(const Json& at) {
    if (!at.is_structured()) return Value(at);
    for (const Json& item : at) Value(item);
  }

  // Of a list of {name, value}.
  void Named(const Json& list, std::string_view name) {
    if (!list.is_array()) return;
    for (const Json& item : list) {
      const Json* its = Member(item, "name");
      const Json* value = Member(item, "value");
      if (its == nullptr || !its->is_string() || value == nullptr) continue;
      if (name.empty() || Folded(its->get_ref<const std::string&>()) == name) Value(*value);
    }
  }

  // GROUP.NAME, or a NAME in any group, which may have dots.
  void Grouped(const Json& groups) {
    if (!groups.is_object()) return;
    for (const auto& [group, list] : groups.items()) {
      Named(list, joined_);
      if (term_.keys.size() < 2 || Folded(group) != term_.keys[0]) continue;
      Named(list, std::string_view(joined_).substr(term_.keys[0].size() + 1));
    }
  }

  void Value(const Json& value) {
    if (!IsScalar(value)) return;
    any_ = true;
    for (const Operand& operand : term_.operands) {
      if (!Holds(term_, operand, value)) continue;
      const bool is_sure = !is_cut_ || operand.is_part() || !MayBeBeginning(value);
      (is_sure ? holds_ : may_hold_) = true;
    }
  }

  const Term& term_;
  const bool is_cut_;
  std::string joined_;
  bool any_ = false;
  bool holds_ = false;
  bool may_hold_ = false;
};

uint64_t Expression::cost() const {
  uint64_t cost = 0;
  for (const Term& term : terms_) {
    ++cost;  // finding the value
    for (const Operand& operand : term.operands) cost += operand.cost();
  }
  return cost;
}

bool Expression::Reads(std::string_view path) const {
  return std::ranges::any_of(terms_, [&](const Term& term) { return term.field->path == path; });
}

Truth Expression::Matches(const Json& document) const {
  if (steps_.empty()) return Truth::kTrue;
  std::vector<Truth> stack;
  for (const Step& step : steps_) {
    if (step.kind == Step::Kind::kTerm) {
      stack.push_back(Evaluation(terms_[step.term], document).Verdict());
      continue;
    }
    const Truth last = stack.back();
    if (step.kind == Step::Kind::kNot) {
      stack.back() = static_cast<Truth>(static_cast<int>(Truth::kTrue) - static_cast<int>(last));
      continue;
    }
    stack.pop_back();
    stack.back() =
        step.kind == Step::Kind::kAnd ? std::min(stack.back(), last) : std::max(stack.back(), last);
  }
  return stack.back();
}

}  // namespace slipway::resource
