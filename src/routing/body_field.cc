#include "routing/body_field.h"

#include <optional>

#include "base/format_check.h"
#include "base/utf8.h"

namespace slipway::routing {
namespace {

constexpr std::string_view kParameters = "parameters.";
constexpr std::string_view kParametersPointer = "/parameters/";

std::string Escaped(std::string_view token) {
  std::string out;
  for (const char c : token) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

// Nothing where a tilde stands alone.
std::optional<std::string> Unescaped(std::string_view token) {
  std::string out;
  for (size_t i = 0; i < token.size(); ++i) {
    if (token[i] != '~') {
      out += token[i];
      continue;
    }
    if (++i == token.size() || (token[i] != '0' && token[i] != '1')) return std::nullopt;
    out += token[i] == '0' ? '~' : '/';
  }
  return out;
}

}  // namespace

std::vector<std::string> BodyField::Steps() const {
  std::vector<std::string> steps;
  std::string_view rest = pointer;
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const std::string_view step = rest.substr(0, rest.find('/'));
    steps.push_back(Unescaped(step).value_or(std::string(step)));
    rest.remove_prefix(step.size());
  }
  return steps;
}

Result<BodyField> BodyField::Parse(std::string_view text) {
  if (FindInvalidUtf8(text)) return InvalidArgument("FIELD_FORMAT", "it is not UTF-8");
  if (text.starts_with(kParameters) && text.size() > kParameters.size()) {
    const std::string_view name = text.substr(kParameters.size());
    return BodyField{.pointer = std::string(kParametersPointer) + Escaped(name),
                     .parameter = std::string(name)};
  }
  if (!text.starts_with('/') || text.size() < 2) {
    return InvalidArgument(
        "FIELD_FORMAT",
        "parameters.NAME or a JSON pointer such as /parameters/user, got " + Quoted(text));
  }
  const std::optional<std::string> plain = Unescaped(text);
  if (!plain) {
    return InvalidArgument("FIELD_FORMAT",
                           "in a JSON pointer ~ is written ~0 and / in a name ~1; "
                           "got " +
                               Quoted(text));
  }
  BodyField field{.pointer = std::string(text), .parameter = {}};
  if (text.starts_with(kParametersPointer)) {
    const std::string_view token = text.substr(kParametersPointer.size());
    if (token.find('/') == std::string_view::npos) field.parameter = *Unescaped(token);
  }
  return field;
}

}  // namespace slipway::routing
