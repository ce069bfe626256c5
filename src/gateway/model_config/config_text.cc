#include "gateway/model_config/config_text.h"

#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/nearest_word.h"
#include "base/utf8.h"
#include "gateway/limits.h"
#include "gateway/model_config/schema.h"

namespace slipway::gateway::model_config {
namespace {

bool IsNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

bool IsBlank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

enum class TokenKind : uint8_t { kEnd, kName, kNumber, kString, kSymbol };

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string_view text;
  size_t at = 0;  // in the whole text

  bool Is(char symbol) const { return kind == TokenKind::kSymbol && text[0] == symbol; }
};

// Takes the text apart, one token ahead.
class Tokens {
 public:
  explicit Tokens(std::string_view text) : text_(text) {}

  const Token& token() const { return token_; }

  Result<void> Next() {
    SkipBlanks();
    token_ = {.kind = TokenKind::kEnd, .text = {}, .at = at_};
    if (at_ == text_.size()) return {};
    const char c = text_[at_];
    if (c == '"' || c == '\'') return TakeString(c);
    size_t end = at_ + 1;
    if (IsNameStart(c)) {
      token_.kind = TokenKind::kName;
      while (end < text_.size() && (IsNameStart(text_[end]) || IsDigit(text_[end]))) ++end;
    } else if (IsDigit(c) || c == '.') {
      token_.kind = TokenKind::kNumber;
      while (end < text_.size() && IsNumberPart(end)) ++end;
    } else {
      token_.kind = TokenKind::kSymbol;
    }
    token_.text = text_.substr(at_, end - at_);
    at_ = end;
    return {};
  }

  Error Fault(std::string_view what) const { return FaultAt(token_.at, what); }

  Error FaultAt(size_t at, std::string_view what) const {
    size_t line = 1;
    size_t begin = 0;
    for (size_t i = 0; i < at; ++i) {
      if (text_[i] != '\n') continue;
      ++line;
      begin = i + 1;
    }
    return InvalidArgument("CONFIG_TEXT", "line " + std::to_string(line) + ", column " +
                                              std::to_string(at - begin + 1) + ": " +
                                              std::string(what));
  }

  // What an error says of the token.
  std::string Shown() const {
    if (token_.kind == TokenKind::kEnd) return "the end of the text";
    constexpr size_t kShown = 40;
    if (FindInvalidUtf8(token_.text)) return "a byte that is no text";
    return "'" + std::string(token_.text.substr(0, kShown)) + "'";
  }

 private:
  void SkipBlanks() {
    while (at_ < text_.size()) {
      if (text_[at_] == '#') {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      } else if (IsBlank(text_[at_])) {
        ++at_;
      } else {
        return;
      }
    }
  }

  // Digits, hexadecimal ones, points, suffixes, and the sign of an exponent.
  bool IsNumberPart(size_t at) const {
    const char c = text_[at];
    if (IsDigit(c) || IsNameStart(c) || c == '.') return true;
    const char before = text_[at - 1];
    const bool is_hex = text_.substr(at_, 2) == "0x" || text_.substr(at_, 2) == "0X";
    return (c == '+' || c == '-') && !is_hex && (before == 'e' || before == 'E');
  }

  Result<void> TakeString(char quote) {
    size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != quote) {
      if (text_[end] == '\n') break;
      end += text_[end] == '\\' && end + 1 < text_.size() ? 2 : 1;
    }
    if (end >= text_.size() || text_[end] != quote) {
      return FaultAt(at_, "the string does not end on its line");
    }
    token_.kind = TokenKind::kString;
    token_.text = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return {};
  }

  const std::string_view text_;
  size_t at_ = 0;
  Token token_;
};

void AppendUtf8(uint32_t point, std::string& out) {
  if (point < 0x80) {
    out += static_cast<char>(point);
  } else if (point < 0x800) {
    out += static_cast<char>(0xc0 | point >> 6);
    out += static_cast<char>(0x80 | (point & 0x3f));
  } else {
    out += static_cast<char>(0xe0 | point >> 12);
    out += static_cast<char>(0x80 | (point >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (point & 0x3f));
  }
}

// The value of up to `most` digits of a base, which `text` loses; nothing where there are none.
std::optional<uint32_t> TakeDigits(std::string_view& text, size_t most, int base) {
  uint32_t value = 0;
  const char* begin = text.data();
  const auto parsed = std::from_chars(begin, begin + std::min(most, text.size()), value, base);
  if (parsed.ec != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(parsed.ptr - begin));
  return value;
}

// One escape, behind its backslash. false where it is none.
bool Unescape(std::string_view& text, std::string& out) {
  constexpr std::string_view kNames = "abfnrtv\\'\"?";
  constexpr std::string_view kValues = "\a\b\f\n\r\t\v\\'\"?";
  if (text.empty()) return false;
  const char c = text.front();
  if (const size_t known = kNames.find(c); known != std::string_view::npos) {
    out += kValues[known];
    text.remove_prefix(1);
    return true;
  }
  const bool is_hex = c == 'x' || c == 'X';
  const bool is_unicode = c == 'u';
  if (is_hex || is_unicode) text.remove_prefix(1);
  const auto value = TakeDigits(text,
                                is_hex       ? 2
                                : is_unicode ? 4
                                             : 3,
                                is_hex || is_unicode ? 16 : 8);
  if (!value || (!is_unicode && *value > 0xff)) return false;
  is_unicode ? AppendUtf8(*value, out) : out.push_back(static_cast<char>(*value));
  return true;
}

class TextReader {
 public:
  explicit TextReader(std::string_view text) : tokens_(text) {}

  Result<Json> Read(const Message& message) {
    TRY_VOID(tokens_.Next());
    Json out = Json::object();
    TRY_VOID(Fields(message, '\0', out));
    return out;
  }

 private:
  const Token& token() const { return tokens_.token(); }

  // Up to the closing symbol, which is taken; 0: the end of the text. The depth of a text is that
  // of the table, which does not contain itself.
  Result<void> Fields(const Message& message, char end, Json& out) {
    while (end == '\0' ? token().kind != TokenKind::kEnd : !token().Is(end)) {
      TRY_VOID(OneField(message, out));
      if (token().Is(',') || token().Is(';')) TRY_VOID(tokens_.Next());
    }
    return end == '\0' ? Result<void>() : tokens_.Next();
  }

  Result<void> OneField(const Message& message, Json& out) {
    TRY(field, FieldName(message, out));
    TRY_VOID(tokens_.Next());
    if (token().Is(':')) {
      TRY_VOID(tokens_.Next());
    } else if (field->kind != Kind::kMessage) {
      return tokens_.Fault("a ':' is missing behind '" + field->name + "'; there is " +
                           tokens_.Shown());
    }
    if (!token().Is('[')) return Value(*field, out);
    if (!field->is_repeated) {
      return tokens_.Fault("'" + field->name + "' has one value, not a list");
    }
    TRY_VOID(tokens_.Next());
    while (!token().Is(']')) {
      TRY_VOID(Value(*field, out));
      if (token().Is(']')) break;
      if (!token().Is(',')) {
        return tokens_.Fault("a ',' or ']' is missing in the list of '" + field->name +
                             "'; there is " + tokens_.Shown());
      }
      TRY_VOID(tokens_.Next());
    }
    return tokens_.Next();
  }

  Result<const Field*> FieldName(const Message& message, const Json& out) {
    if (token().kind != TokenKind::kName) {
      return tokens_.Fault("the name of a field is wanted, and there is " + tokens_.Shown());
    }
    for (const Field& field : message.fields) {
      if (field.name != token().text) continue;
      TRY_VOID(CheckOnce(message, field, out));
      return &field;
    }
    std::vector<std::string> names;
    for (const Field& field : message.fields) names.push_back(field.name);
    const std::string nearest = NearestWord(token().text, names);
    return tokens_.Fault(message.name + " has no field " + tokens_.Shown() +
                         (nearest.empty() ? "" : "; is '" + nearest + "' meant?"));
  }

  Result<void> CheckOnce(const Message& message, const Field& field, const Json& out) {
    if (field.is_repeated) return {};
    if (out.contains(field.name)) {
      return tokens_.Fault("'" + field.name + "' is there more than once");
    }
    if (field.oneof < 0) return {};
    for (const Field& other : message.fields) {
      if (other.oneof == field.oneof && out.contains(other.name)) {
        return tokens_.Fault("'" + field.name + "' and '" + other.name + "' exclude each other");
      }
    }
    return {};
  }

  // One value, into its place in `out`.
  Result<void> Value(const Field& field, Json& out) {
    const size_t at = token().at;
    Json value;
    if (field.kind == Kind::kMessage) {
      TRY(read, SubMessage(field));
      value = std::move(read);
    } else {
      TRY(read, Scalar(field));
      value = std::move(read);
    }
    if (!field.is_repeated) {
      out[field.name] = std::move(value);
      return {};
    }
    Json& items = out[field.name];
    if (items.size() >= kMaxConfigItems) {
      return tokens_.FaultAt(
          at, "'" + field.name + "' has more than " + std::to_string(kMaxConfigItems) + " entries");
    }
    if (!field.is_map) {
      items.push_back(std::move(value));
      return {};
    }
    if (!items.is_object()) items = Json::object();
    items[KeyOf(*field.message, value)] = ValueOf(*field.message, value);
    return {};
  }

  static std::string KeyOf(const Message& entry, const Json& value) {
    const auto key = value.find("key");
    if (key == value.end()) return entry.Of("key").kind == Kind::kString ? "" : "0";
    return key->is_string() ? key->get<std::string>() : DumpJson(*key);
  }

  static Json ValueOf(const Message& entry, const Json& value) {
    const auto found = value.find("value");
    if (found != value.end()) return *found;
    return entry.Of("value").kind == Kind::kMessage ? Json::object() : Json("");
  }

  Result<Json> SubMessage(const Field& field) {
    if (!token().Is('{') && !token().Is('<')) {
      return tokens_.Fault("a '{' is missing behind '" + field.name + "'; there is " +
                           tokens_.Shown());
    }
    const char end = token().Is('{') ? '}' : '>';
    TRY_VOID(tokens_.Next());
    Json out = Json::object();
    TRY_VOID(Fields(*field.message, end, out));
    return out;
  }

  Result<Json> Scalar(const Field& field) {
    if (field.kind == Kind::kString) return String(field);
    const bool is_negative = token().Is('-');
    if (is_negative) TRY_VOID(tokens_.Next());
    Result<Json> value = Word(field, token().text, is_negative);
    if (value.has_error() || token().kind == TokenKind::kString) {
      return tokens_.Fault("'" + field.name + "' " + Wanted(field) + ", and there is " +
                           (is_negative ? "'-' and " : "") + tokens_.Shown());
    }
    TRY_VOID(tokens_.Next());
    return value;
  }

  static std::string Wanted(const Field& field) {
    switch (field.kind) {
      case Kind::kBool:
        return "is true or false";
      case Kind::kSigned:
        return "is a whole number of " + std::to_string(field.bits) + " bits";
      case Kind::kUnsigned:
        return "is a whole number of " + std::to_string(field.bits) + " bits, not negative";
      case Kind::kFloat:
        return "is a number";
      case Kind::kEnum: {
        std::string names;
        for (const auto& [name, number] : field.enumeration->values) {
          names += (names.empty() ? "" : ", ") + name;
        }
        return "is one of " + names;
      }
      default:
        return "is a string in quotes";
    }
  }

  // The value of a word; any error says only that it is none.
  static Result<Json> Word(const Field& field, std::string_view word, bool is_negative) {
    Error none = InvalidArgument("CONFIG_TEXT", "no value");
    if (field.kind == Kind::kBool) {
      if (is_negative) return none;
      if (word == "true" || word == "True" || word == "t" || word == "1") return Json(true);
      if (word == "false" || word == "False" || word == "f" || word == "0") return Json(false);
      return none;
    }
    if (field.kind == Kind::kFloat) return Float(word, is_negative);
    if (field.kind == Kind::kEnum) {
      for (const auto& [name, number] : field.enumeration->values) {
        if (!is_negative && (name == word || std::to_string(number) == word)) return Json(name);
      }
      return none;
    }
    return Integer(field, word, is_negative);
  }

  static Result<Json> Float(std::string_view word, bool is_negative) {
    if (word.ends_with('f') || word.ends_with('F')) word.remove_suffix(1);
    double number = 0;
    const char* end = word.data() + word.size();
    const auto parsed = std::from_chars(word.data(), end, number);
    if (parsed.ec != std::errc() || parsed.ptr != end || !std::isfinite(number)) {
      return InvalidArgument("CONFIG_TEXT", "no number");
    }
    return Json(is_negative ? -number : number);
  }

  static Result<Json> Integer(const Field& field, std::string_view word, bool is_negative) {
    int base = 10;
    if (word.starts_with("0x") || word.starts_with("0X")) {
      base = 16;
      word.remove_prefix(2);
    } else if (word.size() > 1 && word.starts_with('0')) {
      base = 8;
    }
    uint64_t number = 0;
    const char* end = word.data() + word.size();
    const auto parsed = std::from_chars(word.data(), end, number, base);
    const bool is_signed = field.kind == Kind::kSigned;
    const uint64_t most = is_signed ? (uint64_t{1} << (field.bits - 1)) - (is_negative ? 0 : 1)
                                    : UINT64_MAX >> (64 - field.bits);
    if (parsed.ec != std::errc() || parsed.ptr != end || number > most ||
        (is_negative && !is_signed)) {
      return InvalidArgument("CONFIG_TEXT", "no integer");
    }
    if (!is_signed) return Json(number);
    return Json(static_cast<int64_t>(is_negative ? 0 - number : number));
  }

  // Strings behind each other are one.
  Result<Json> String(const Field& field) {
    if (token().kind != TokenKind::kString) {
      return tokens_.Fault("'" + field.name + "' " + Wanted(field) + ", and there is " +
                           tokens_.Shown());
    }
    const size_t at = token().at;
    std::string out;
    while (token().kind == TokenKind::kString) {
      std::string_view rest = token().text;
      while (!rest.empty()) {
        const char c = rest.front();
        rest.remove_prefix(1);
        if (c != '\\') {
          out += c;
        } else if (!Unescape(rest, out)) {
          return tokens_.Fault("the string has an escape that the text format does not know");
        }
      }
      TRY_VOID(tokens_.Next());
    }
    if (FindInvalidUtf8(out)) return tokens_.FaultAt(at, "the string is not UTF-8");
    return Json(std::move(out));
  }

  Tokens tokens_;
};

}  // namespace

Result<Json> ReadConfigText(std::string_view text) {
  if (text.size() > kMaxConfigBytes) {
    return InvalidArgument("CONFIG_TEXT", "it has " + std::to_string(text.size()) +
                                              " bytes, and a configuration at most " +
                                              std::to_string(kMaxConfigBytes));
  }
  return TextReader(text).Read(ModelConfigSchema());
}

}  // namespace slipway::gateway::model_config
