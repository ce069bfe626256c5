#include "base/json.h"

#include <unordered_set>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/format_check.h"
#include "base/utf8.h"

namespace slipway {
namespace {

// Counts the bytes that nlohmann's parser has taken, which its SAX events do not tell.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, size_t* taken) : at_(at), taken_(taken) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    ++at_;
    ++*taken_;
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const CountingIterator& other) const { return at_ == other.at_; }

 private:
  const char* at_;
  size_t* taken_;
};

// Builds the value; keys are checked with a set per open object, because Json's own objects are
// lists whose look-up is linear.
class Builder final : public nlohmann::json_sax<Json> {
 public:
  Builder(const JsonLimits& limits, const size_t& taken) : limits_(limits), taken_(taken) {}

  bool null() override { return Add(nullptr); }
  bool boolean(bool value) override { return Add(value); }
  bool number_integer(number_integer_t value) override { return Add(value); }
  bool number_unsigned(number_unsigned_t value) override { return Add(value); }
  bool number_float(number_float_t value, const string_t&) override { return Add(value); }
  bool string(string_t& value) override { return Add(std::move(value)); }
  bool binary(binary_t&) override { return Fail("JSON_SYNTAX", "binary values are not JSON"); }
  bool start_object(std::size_t) override { return Open(Json::object()); }
  bool start_array(std::size_t) override { return Open(Json::array()); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }

  bool key(string_t& value) override {
    Level& level = open_.back();
    if (level.keys.size() >= limits_.max_keys_per_object) {
      return Fail("JSON_TOO_LARGE", "an object has more than " +
                                        std::to_string(limits_.max_keys_per_object) + " keys");
    }
    if (!level.keys.insert(value).second) {
      return Fail("JSON_DUPLICATE_KEY", "the key " + Quoted(value) + " is there twice");
    }
    key_ = std::move(value);
    return true;
  }

  bool parse_error(std::size_t position, const std::string& token,
                   const nlohmann::detail::exception& cause) override {
    constexpr int kNumberOverflow = 406;
    if (cause.id == kNumberOverflow) return Fail("JSON_SYNTAX", "the number is out of range");
    std::string what = "not expected: " + Quoted(token);
    if (token.empty()) what = "the text ends too early";
    if (token.size() > 1) what = "not expected here";  // it may be a secret
    return Fail("JSON_SYNTAX", what, position);
  }

  Json TakeRoot() { return std::move(root_); }
  const std::optional<Error>& error() const { return error_; }

 private:
  struct Level {
    Json* value;
    std::unordered_set<std::string> keys;
  };

  bool Fail(std::string_view reason, const std::string& what) { return Fail(reason, what, taken_); }
  bool Fail(std::string_view reason, const std::string& what, size_t at) {
    error_ = InvalidArgument(reason, "JSON: " + what + ", at byte " + std::to_string(at))
                 .With("byte", std::to_string(at));
    return false;
  }

  bool Add(Json value) { return Place(std::move(value)) != nullptr; }

  // Where the value now is, or nullptr if there are too many. Pointers to open containers stay
  // valid: nothing is added to a parent while a child is open.
  Json* Place(Json value) {
    if (++values_ > limits_.max_values) {
      Fail("JSON_TOO_LARGE", "more than " + std::to_string(limits_.max_values) + " values");
      return nullptr;
    }
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Json* parent = open_.back().value;
    if (parent->is_array()) {
      parent->push_back(std::move(value));
      return &parent->back();
    }
    // The list below the ordered map: its own emplace would search for the key, which is new.
    auto& members = parent->get_ref<Json::object_t&>();
    using List = Json::object_t::Container;
    return &static_cast<List&>(members).emplace_back(std::move(key_), std::move(value)).second;
  }

  bool Open(Json container) {
    if (open_.size() >= limits_.max_depth) {
      return Fail("JSON_TOO_DEEP",
                  "more than " + std::to_string(limits_.max_depth) + " levels of nesting");
    }
    Json* placed = Place(std::move(container));
    if (placed == nullptr) return false;
    open_.push_back({placed, {}});
    return true;
  }

  bool Close() {
    open_.pop_back();
    return true;
  }

  const JsonLimits& limits_;
  const size_t& taken_;
  std::vector<Level> open_;
  std::string key_;
  size_t values_ = 0;
  Json root_;
  std::optional<Error> error_;
};

// Bytes are counted from 1, as by the parser.
Error BadByte(std::string_view what, size_t offset) {
  const std::string byte = std::to_string(offset + 1);
  return InvalidArgument("JSON_SYNTAX", "JSON: " + std::string(what) + " at byte " + byte)
      .With("byte", byte);
}

std::string Dump(const Json& value, int indent) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

Result<Json> ParseJson(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes) {
    return InvalidArgument("JSON_TOO_LARGE", "JSON: more than " + std::to_string(limits.max_bytes) +
                                                 " bytes, got " + std::to_string(text.size()))
        .With("byte", std::to_string(limits.max_bytes));
  }
  if (std::optional<size_t> at = FindInvalidUtf8(text)) {
    return BadByte("no well-formed UTF-8", *at);
  }
  // nlohmann takes a NUL byte for the end of the text.
  if (size_t at = text.find('\0'); at != std::string_view::npos) return BadByte("a NUL byte", at);
  size_t taken = 0;
  Builder builder(limits, taken);
  CountingIterator begin(text.data(), &taken);
  CountingIterator end(text.data() + text.size(), &taken);
  bool complete = Json::sax_parse(begin, end, &builder);
  if (builder.error()) return *builder.error();
  CHECK(complete);
  return builder.TakeRoot();
}

std::string DumpJson(const Json& value) {
  return Dump(value, -1);
}

std::string DumpJsonPretty(const Json& value) {
  return Dump(value, 2);
}

}  // namespace slipway
