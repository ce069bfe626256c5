#include "routing/json_body.h"

#include <charconv>
#include <deque>
#include <utility>

#define SIMDJSON_EXCEPTIONS 0
#include <simdjson.h>

#include "routing/limits.h"

namespace slipway::routing {
namespace {

namespace ondemand = simdjson::ondemand;

// simdjson keeps about five bytes for each byte of the largest document: after a large one it
// starts again.
constexpr size_t kKeepDocumentBytes = 1 << 20;

std::optional<std::string> TextOf(ondemand::value value) {
  ondemand::json_type type{};
  if (value.type().get(type) != simdjson::SUCCESS) return std::nullopt;
  std::string_view text;
  switch (type) {
    case ondemand::json_type::string:
      if (value.get_string().get(text) != simdjson::SUCCESS) return std::nullopt;
      break;
    case ondemand::json_type::number: {
      text = value.raw_json_token();
      double number = 0;
      if (value.get_double().get(number) != simdjson::SUCCESS) return std::nullopt;
      text = text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
      break;
    }
    case ondemand::json_type::boolean: {
      bool truth = false;
      if (value.get_bool().get(truth) != simdjson::SUCCESS) return std::nullopt;
      text = truth ? "true" : "false";
      break;
    }
    default:
      return std::nullopt;
  }
  if (text.size() > kMaxValueBytes) return std::nullopt;
  return std::string(text);
}

// The first member of this name, which is compared as it is meant: `\u0061` is `a`. As the reader
// of requests has it, the first counts.
std::optional<ondemand::value> MemberOf(ondemand::value& value, std::string_view name) {
  ondemand::object object;
  if (value.get_object().get(object) != simdjson::SUCCESS) return std::nullopt;
  for (auto member : object) {
    ondemand::field field;
    std::string_view key;
    if (std::move(member).get(field) != simdjson::SUCCESS ||
        field.unescaped_key().get(key) != simdjson::SUCCESS) {
      return std::nullopt;
    }
    if (key == name) return field.value();
  }
  return std::nullopt;
}

std::optional<ondemand::value> ElementOf(ondemand::value& value, std::string_view index) {
  size_t number = 0;
  const char* const end = index.data() + index.size();
  const auto [at, error] = std::from_chars(index.data(), end, number);
  if (error != std::errc() || at != end || (index.size() > 1 && index[0] == '0')) {
    return std::nullopt;
  }
  ondemand::array array;
  ondemand::value element;
  if (value.get_array().get(array) != simdjson::SUCCESS ||
      array.at(number).get(element) != simdjson::SUCCESS) {
    return std::nullopt;
  }
  return element;
}

std::optional<ondemand::value> StepDown(ondemand::value& value, std::string_view step) {
  ondemand::json_type type{};
  if (value.type().get(type) != simdjson::SUCCESS) return std::nullopt;
  if (type == ondemand::json_type::object) return MemberOf(value, step);
  if (type == ondemand::json_type::array) return ElementOf(value, step);
  return std::nullopt;
}

}  // namespace

struct JsonBody::State {
  std::optional<std::string> Read(const BodyField& field);

  std::unique_ptr<ondemand::parser> parser = std::make_unique<ondemand::parser>();
  std::string_view text;
  bool opened = false;  // the document is made, or cannot be
  bool is_json = false;
  ondemand::document document;
  // What was found, at places that do not move.
  std::deque<std::pair<std::string, std::optional<std::string>>> found;
};

std::optional<std::string> JsonBody::State::Read(const BodyField& field) {
  if (!opened) {
    opened = true;
    is_json = !text.empty() &&
              parser->iterate(text.data(), text.size(), text.size() + kJsonPadding).get(document) ==
                  simdjson::SUCCESS;
  }
  // A document that turned out to be broken has no parser any more.
  is_json = is_json && document.is_alive();
  if (!is_json) return std::nullopt;
  // A scalar has nothing below it, and simdjson asks for it in another way.
  bool is_scalar = true;
  document.rewind();
  if (document.is_scalar().get(is_scalar) != simdjson::SUCCESS || is_scalar) return std::nullopt;
  ondemand::value value;
  if (document.get_value().get(value) != simdjson::SUCCESS) return std::nullopt;
  for (const std::string& step : field.Steps()) {
    std::optional<ondemand::value> below = StepDown(value, step);
    if (!below) return std::nullopt;
    value = *below;
  }
  return TextOf(value);
}

JsonBody::JsonBody() : state_(std::make_unique<State>()) {}
JsonBody::~JsonBody() = default;

void JsonBody::Open(std::string_view text) {
  State& state = *state_;
  state.found.clear();
  state.text = text;
  state.opened = false;
  state.is_json = false;
  if (state.parser->capacity() > kKeepDocumentBytes) {
    state.document = {};
    state.parser = std::make_unique<ondemand::parser>();
  }
}

std::optional<std::string_view> JsonBody::Find(const BodyField& field) {
  for (const auto& [pointer, value] : state_->found) {
    if (pointer == field.pointer) return value;
  }
  return state_->found.emplace_back(field.pointer, state_->Read(field)).second;
}

}  // namespace slipway::routing
