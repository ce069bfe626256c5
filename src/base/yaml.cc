// YAML by yaml-cpp's events, never by its node graph: depth and aliases are refused while the text
// is read, and plain scalars are taken as YAML 1.2's core schema says (chapter 10.3.2).
#include <charconv>
#include <cmath>
#include <istream>
#include <streambuf>
#include <unordered_set>
#include <vector>

#include <nlohmann/json.hpp>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "base/format_check.h"
#include "base/json.h"
#include "base/utf8.h"

namespace slipway {
namespace {

// Ends the parse early; caught below, in this file.
struct Refused {
  Error error;
};

Error YamlError(std::string_view reason, const std::string& what, int line, int column) {
  return InvalidArgument(reason, "YAML: " + what + ", at line " + std::to_string(line) +
                                     ", column " + std::to_string(column))
      .With("line", std::to_string(line))
      .With("column", std::to_string(column));
}

[[noreturn]] void Refuse(std::string_view reason, const std::string& what, const YAML::Mark& mark) {
  throw Refused{YamlError(reason, what, mark.line + 1, mark.column + 1)};
}

bool IsOneOf(std::string_view text, std::initializer_list<std::string_view> words) {
  for (std::string_view word : words) {
    if (text == word) return true;
  }
  return false;
}

bool AllIn(std::string_view text, std::string_view allowed) {
  return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos;
}

// [-+]?[0-9]+, 0o[0-7]+, 0x[0-9a-fA-F]+
bool IsInteger(std::string_view text) {
  if (text.starts_with("0o")) return AllIn(text.substr(2), "01234567");
  if (text.starts_with("0x")) return AllIn(text.substr(2), "0123456789abcdefABCDEF");
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return AllIn(text, "0123456789");
}

// [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
bool IsFloat(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789";
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  if (size_t e = text.find_first_of("eE"); e != std::string_view::npos) {
    std::string_view exponent = text.substr(e + 1);
    if (exponent.starts_with('-') || exponent.starts_with('+')) exponent.remove_prefix(1);
    if (!AllIn(exponent, kDigits)) return false;
    text = text.substr(0, e);
  }
  size_t dot = text.find('.');
  if (dot == std::string_view::npos) return AllIn(text, kDigits);
  std::string_view fraction = text.substr(dot + 1);
  if (dot == 0) return AllIn(fraction, kDigits);
  return AllIn(text.substr(0, dot), kDigits) && (fraction.empty() || AllIn(fraction, kDigits));
}

bool IsNotFinite(std::string_view text) {
  if (IsOneOf(text, {".nan", ".NaN", ".NAN"})) return true;
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return IsOneOf(text, {".inf", ".Inf", ".INF"});
}

bool IsNull(std::string_view text) {
  return IsOneOf(text, {"", "~", "null", "Null", "NULL"});
}
bool IsTrue(std::string_view text) {
  return IsOneOf(text, {"true", "True", "TRUE"});
}
bool IsFalse(std::string_view text) {
  return IsOneOf(text, {"false", "False", "FALSE"});
}

template <class T>
std::optional<Json> ParseNumber(std::string_view digits, int base) {
  T number = 0;
  auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), number, base);
  if (status != std::errc()) return {};
  return Json(number);
}

Json FloatOf(std::string_view text, const YAML::Mark& mark) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double number = 0;
  auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  // from_chars calls underflow out of range as well; JSON's reader takes it as zero.
  if (status == std::errc() && std::isfinite(number)) return number;
  if (status == std::errc::result_out_of_range && text.find("e-") != std::string_view::npos) {
    return 0.0;
  }
  Refuse("YAML_VALUE", "the number is out of range", mark);
}

// Integers beyond 64 bits become floating point, as in JSON.
Json IntegerOf(std::string_view text, const YAML::Mark& mark) {
  bool octal = text.starts_with("0o");
  bool hexadecimal = text.starts_with("0x");
  if (octal || hexadecimal) {
    std::optional<Json> value = ParseNumber<uint64_t>(text.substr(2), octal ? 8 : 16);
    if (!value) Refuse("YAML_VALUE", "the number is out of range", mark);
    return *std::move(value);
  }
  std::string_view digits = text.starts_with('+') ? text.substr(1) : text;
  std::optional<Json> value = digits.starts_with('-') ? ParseNumber<int64_t>(digits, 10)
                                                      : ParseNumber<uint64_t>(digits, 10);
  return value ? *std::move(value) : FloatOf(text, mark);
}

Json PlainScalar(const std::string& text, const YAML::Mark& mark) {
  if (IsNull(text)) return nullptr;
  if (IsTrue(text)) return true;
  if (IsFalse(text)) return false;
  if (IsInteger(text)) return IntegerOf(text, mark);
  if (IsFloat(text)) return FloatOf(text, mark);
  if (IsNotFinite(text)) {
    Refuse("YAML_VALUE", "infinity and NaN have no place in JSON: quote it if it is a string",
           mark);
  }
  return text;
}

Json ScalarOf(const std::string& tag, const std::string& text, const YAML::Mark& mark) {
  if (tag == "!" || tag == "tag:yaml.org,2002:str") return text;
  Json value = PlainScalar(text, mark);
  bool fits = tag.empty() || tag == "?" || (tag == "tag:yaml.org,2002:null" && value.is_null()) ||
              (tag == "tag:yaml.org,2002:bool" && value.is_boolean()) ||
              (tag == "tag:yaml.org,2002:int" && value.is_number_integer()) ||
              (tag == "tag:yaml.org,2002:float" && value.is_number());
  if (fits) return value;
  Refuse("YAML_TAG", "the tag " + Quoted(tag) + " does not fit the value", mark);
}

class YamlBuilder final : public YAML::EventHandler {
 public:
  YamlBuilder(const JsonLimits& limits, bool as_texts) : limits_(limits), as_texts_(as_texts) {}

  void OnDocumentStart(const YAML::Mark&) override { root_ = nullptr; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { Scalar(nullptr, "", mark); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    Refuse("YAML_ALIAS", "aliases are not taken: write the value out", mark);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                const std::string& value) override {
    bool key = !open_.empty() && open_.back().value->is_object() && !open_.back().has_key;
    // A key is a string whatever it looks like, but for a plain null.
    if (key && !(IsNull(value) && tag == "?")) return Scalar(Json(), value, mark, true);
    Json typed = ScalarOf(tag, value, mark);
    if (as_texts_ && !typed.is_null()) typed = value;
    Scalar(std::move(typed), value, mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    CheckTag(tag, "tag:yaml.org,2002:seq", mark);
    Open(Json::array(), mark);
  }
  void OnSequenceEnd() override { open_.pop_back(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    CheckTag(tag, "tag:yaml.org,2002:map", mark);
    Open(Json::object(), mark);
  }
  void OnMapEnd() override { open_.pop_back(); }

  Json TakeRoot() { return std::move(root_); }

 private:
  struct Level {
    Json* value;
    bool has_key = false;
    std::string key = {};
    std::unordered_set<std::string> keys = {};
  };

  static void CheckTag(const std::string& tag, std::string_view allowed, const YAML::Mark& mark) {
    if (tag.empty() || tag == "?" || tag == "!" || tag == allowed) return;
    Refuse("YAML_TAG", "the tag " + Quoted(tag) + " is not taken", mark);
  }

  void Scalar(Json value, const std::string& text, const YAML::Mark& mark, bool is_key = false) {
    if (!is_key) {
      Place(std::move(value), mark);
      return;
    }
    Level& level = open_.back();
    if (level.keys.size() >= limits_.max_keys_per_object) {
      Refuse("JSON_TOO_LARGE", "more than " + std::to_string(limits_.max_keys_per_object) + " keys",
             mark);
    }
    if (!level.keys.insert(text).second) {
      Refuse("JSON_DUPLICATE_KEY", "the key " + Quoted(text) + " is there twice", mark);
    }
    level.key = text;
    level.has_key = true;
  }

  Json* Place(Json value, const YAML::Mark& mark) {
    if (++values_ > limits_.max_values) {
      Refuse("JSON_TOO_LARGE", "more than " + std::to_string(limits_.max_values) + " values", mark);
    }
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Level& level = open_.back();
    if (level.value->is_array()) {
      level.value->push_back(std::move(value));
      return &level.value->back();
    }
    if (!level.has_key) {
      Refuse("YAML_VALUE", "a key must be a string", mark);
    }
    level.has_key = false;
    using List = Json::object_t::Container;
    auto& members = static_cast<List&>(level.value->get_ref<Json::object_t&>());
    return &members.emplace_back(std::move(level.key), std::move(value)).second;
  }

  void Open(Json container, const YAML::Mark& mark) {
    if (open_.size() >= limits_.max_depth) {
      Refuse("JSON_TOO_DEEP",
             "more than " + std::to_string(limits_.max_depth) + " levels of nesting", mark);
    }
    Json* placed = Place(std::move(container), mark);
    open_.push_back({placed});
  }

  const JsonLimits& limits_;
  const bool as_texts_;
  std::vector<Level> open_;
  size_t values_ = 0;
  Json root_;
};

class ViewBuffer final : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view text) {
    auto* begin = const_cast<char*>(text.data());  // read only: nothing is put back
    setg(begin, begin, begin + text.size());
  }
};

// yaml-cpp guesses other encodings and replaces what it cannot read, so the text is checked first.
Result<void> CheckText(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes) {
    return InvalidArgument("JSON_TOO_LARGE", "YAML: more than " + std::to_string(limits.max_bytes) +
                                                 " bytes, got " + std::to_string(text.size()));
  }
  std::optional<size_t> bad = FindInvalidUtf8(text);
  std::string what = "no well-formed UTF-8";
  size_t control = 0;
  auto allowed = [](char c) {
    return static_cast<uint8_t>(c) >= 0x20 || c == '\t' || c == '\n' || c == '\r';
  };
  while (control < text.size() && allowed(text[control])) ++control;
  if (control < text.size() && (!bad || control < *bad)) {
    bad = control;
    what = "a control character";
  }
  if (!bad) return {};
  std::string_view before = text.substr(0, *bad);
  size_t line_begin = before.rfind('\n') + 1;  // npos + 1 is 0
  int line = 1;
  for (char c : before) line += c == '\n' ? 1 : 0;
  return YamlError("YAML_SYNTAX", what, line, static_cast<int>(*bad - line_begin) + 1);
}

Result<std::vector<Json>> Parse(std::string_view text, size_t max_documents,
                                const JsonLimits& limits, bool as_texts) {
  TRY_VOID(CheckText(text, limits));
  ViewBuffer buffer(text);
  std::istream stream(&buffer);
  std::vector<Json> documents;
  try {
    YAML::Parser parser(stream);
    YamlBuilder builder(limits, as_texts);
    while (parser.HandleNextDocument(builder)) {
      Json document = builder.TakeRoot();
      if (documents.size() == max_documents) {
        return InvalidArgument("YAML_SYNTAX",
                               "YAML: more than " + std::to_string(max_documents) +
                                   (max_documents == 1 ? " document" : " documents"));
      }
      documents.push_back(std::move(document));
    }
  } catch (const Refused& refused) {
    return refused.error;
  } catch (const YAML::Exception& exception) {
    return YamlError("YAML_SYNTAX", exception.msg, exception.mark.line + 1,
                     exception.mark.column + 1);
  }
  return documents;
}

Result<Json> ParseOne(std::string_view text, const JsonLimits& limits, bool as_texts) {
  TRY(documents, Parse(text, 1, limits, as_texts));
  if (documents.empty()) return Json();
  return std::move(documents.front());
}

}  // namespace

Result<std::vector<Json>> ParseYamlDocuments(std::string_view text, size_t max_documents,
                                             const JsonLimits& limits) {
  return Parse(text, max_documents, limits, /*as_texts=*/false);
}

Result<Json> ParseYaml(std::string_view text, const JsonLimits& limits) {
  return ParseOne(text, limits, /*as_texts=*/false);
}

Result<Json> ParseYamlTexts(std::string_view text, const JsonLimits& limits) {
  return ParseOne(text, limits, /*as_texts=*/true);
}

}  // namespace slipway
