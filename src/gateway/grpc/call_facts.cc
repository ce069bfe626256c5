#include "gateway/grpc/call_facts.h"

#include <variant>

#include <fmt/format.h>

#include "gateway/grpc/parameter.h"
#include "gateway/limits.h"
#include "routing/limits.h"

namespace slipway::gateway::grpc {
namespace {

// A value as JSON would write it.
struct TextOf {
  std::forward_list<std::string>& kept;

  std::optional<std::string_view> operator()(std::monostate) const { return std::nullopt; }
  std::optional<std::string_view> operator()(bool truth) const { return truth ? "true" : "false"; }
  std::optional<std::string_view> operator()(std::string_view text) const {
    if (text.size() > routing::kMaxValueBytes) return std::nullopt;
    return text;
  }
  template <class Number>
  std::optional<std::string_view> operator()(Number number) const {
    return kept.emplace_front(fmt::format("{}", number));
  }
};

}  // namespace

std::optional<std::string_view> CallFacts::Header(std::string_view name) {
  return call_.Metadata(name);
}

std::optional<std::string_view> CallFacts::Body(const routing::BodyField& field) {
  for (const auto& [pointer, value] : found_) {
    if (pointer == field.pointer) return value;
  }
  return found_.emplace_back(field.pointer, Find(field)).second;
}

std::optional<std::string_view> CallFacts::Find(const routing::BodyField& field) {
  if (field.pointer == "/id" && !reader_.id().empty()) return TextOf{kept_}(reader_.id());
  // More than that the request is refused for, when it is read.
  if (field.parameter.empty() || reader_.parameters().size() > kMaxParameters) return std::nullopt;
  for (const std::string_view entry : reader_.parameters()) {
    const Result<Parameter> parameter = ReadParameter(entry);
    if (parameter.has_error() || parameter->key != field.parameter) continue;
    return std::visit(TextOf{kept_}, parameter->value);
  }
  return std::nullopt;
}

}  // namespace slipway::gateway::grpc
