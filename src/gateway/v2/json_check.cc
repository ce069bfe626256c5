#include "gateway/v2/json_check.h"

#include <array>

#include "base/utf8.h"
#include "gateway/limits.h"

namespace slipway::gateway::v2 {
namespace {

constexpr std::string_view kTooEarly = "the text ends too early";

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool IsHex(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// Steps say whether it went well; what did not is in fault().
class Checker {
 public:
  explicit Checker(std::string_view body) : body_(body) {}

  bool Document() {
    while (true) {
      if (!Value()) return false;
      if (!Close()) return false;
      if (depth_ == 0) break;
      // Behind a comma.
      if (open_[depth_ - 1] == '{' && !Key()) return false;
    }
    Space();
    return at_ == body_.size() || Fail("the document root must not be followed by other values");
  }

  const JsonFault& fault() const { return fault_; }

 private:
  // One scalar or empty container; a container that is not empty is entered up to its first scalar.
  bool Value() {
    while (true) {
      Space();
      if (at_ == body_.size()) return Fail(kTooEarly);
      const char first = body_[at_];
      if (first != '{' && first != '[') return Scalar(first);
      if (depth_ == open_.size()) {
        fault_.too_deep = true;
        return Fail("");
      }
      open_[depth_++] = first;
      ++at_;
      Space();
      if (at_ < body_.size() && body_[at_] == Closing()) return true;
      if (first == '{' && !Key()) return false;
    }
  }

  // What follows a value: the ends of containers, and a comma where one goes on.
  bool Close() {
    while (depth_ > 0) {
      Space();
      if (at_ == body_.size()) return Fail(kTooEarly);
      const char c = body_[at_];
      if (c == ',') {
        ++at_;
        return true;
      }
      if (c != Closing()) {
        return Fail(Closing() == '}' ? "',' or '}' is missing" : "',' or ']' is missing");
      }
      ++at_;
      --depth_;
    }
    return true;
  }

  bool Key() {
    Space();
    if (at_ == body_.size()) return Fail(kTooEarly);
    if (body_[at_] != '"') return Fail("the name of a member is missing");
    if (!String()) return false;
    Space();
    if (at_ == body_.size()) return Fail(kTooEarly);
    if (body_[at_] != ':') return Fail("':' is missing");
    ++at_;
    return true;
  }

  bool Scalar(char first) {
    if (first == '"') return String();
    if (first == '-' || IsDigit(first)) return Number();
    for (const std::string_view word : {"true", "false", "null", "NaN", "Infinity"}) {
      if (word[0] == first) return Word(word);
    }
    return Fail("a value is missing");
  }

  bool Word(std::string_view word) {
    for (const char c : word) {
      if (at_ == body_.size()) return Fail(kTooEarly);
      if (body_[at_] != c) return Fail("not a value of JSON");
      ++at_;
    }
    return true;
  }

  bool String() {
    for (++at_; at_ < body_.size(); ++at_) {
      const char c = body_[at_];
      if (c == '"') {
        ++at_;
        return true;
      }
      if (static_cast<unsigned char>(c) < 0x20) {
        return Fail("a control character in a string, which must be escaped");
      }
      if (c == '\\' && !Escape()) return false;
    }
    return Fail(kTooEarly);
  }

  // Stays on the last byte of the escape. Halves of surrogate pairs are no fault of the grammar.
  bool Escape() {
    if (++at_ == body_.size()) return Fail(kTooEarly);
    if (body_[at_] != 'u') {
      constexpr std::string_view kEscapes = "\"\\/bfnrt";
      return kEscapes.find(body_[at_]) != std::string_view::npos || Fail("an escape that is none");
    }
    for (int i = 0; i < 4; ++i) {
      if (++at_ == body_.size()) return Fail(kTooEarly);
      if (!IsHex(body_[at_])) return Fail("\\u without four hex digits");
    }
    return true;
  }

  bool Number() {
    if (body_[at_] == '-') ++at_;
    if (at_ < body_.size() && body_[at_] == 'I') return Word("Infinity");
    if (at_ < body_.size() && body_[at_] == '0') {
      ++at_;
    } else if (!Digits()) {
      return false;
    }
    if (at_ < body_.size() && body_[at_] == '.') {
      ++at_;
      if (!Digits()) return false;
    }
    if (at_ < body_.size() && (body_[at_] == 'e' || body_[at_] == 'E')) {
      ++at_;
      if (at_ < body_.size() && (body_[at_] == '+' || body_[at_] == '-')) ++at_;
      if (!Digits()) return false;
    }
    return true;
  }

  bool Digits() {
    if (at_ == body_.size()) return Fail(kTooEarly);
    if (!IsDigit(body_[at_])) return Fail("a digit is missing");
    while (at_ < body_.size() && IsDigit(body_[at_])) ++at_;
    return true;
  }

  void Space() {
    constexpr std::string_view kSpace = " \t\r\n";
    while (at_ < body_.size() && kSpace.find(body_[at_]) != std::string_view::npos) ++at_;
  }

  char Closing() const { return open_[depth_ - 1] == '{' ? '}' : ']'; }

  bool Fail(std::string_view what) {
    fault_.what = what;
    fault_.offset = at_;
    return false;
  }

  const std::string_view body_;
  size_t at_ = 0;
  std::array<char, kMaxJsonDepth> open_{};
  size_t depth_ = 0;
  JsonFault fault_;
};

}  // namespace

std::optional<JsonFault> FindJsonFault(std::string_view body) {
  Checker checker(body);
  const bool good = checker.Document();
  const size_t checked = good ? body.size() : checker.fault().offset;
  // A character that begins before the fault and is cut by it is the fault itself.
  const std::optional<size_t> bytes = FindInvalidUtf8(body);
  if (bytes && *bytes <= checked) return JsonFault{"no well-formed UTF-8", *bytes};
  if (good) return std::nullopt;
  return checker.fault();
}

}  // namespace slipway::gateway::v2
