// Expressions of `where`: every text is an expression or an error that names its column, and an
// expression and what negates it never hold of the same document.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/json.h"
#include "resource/kinds/model_search.h"
#include "resource/search/expression.h"

using slipway::Json;
using slipway::resource::Expression;
using slipway::resource::Truth;

namespace {

// The text up to the first NUL asks, what follows is the document: JSON, or else one that is rich.
const Json& RichDocument() {
  static const Json& document = *new Json(Json::parse(R"({
    "metadata": {"name": "m-1", "createdAt": "2026-05-10T12:00:00Z", "labels": {"model": "m"}},
    "spec": {"repository": "default/m", "format": "onnx", "sizeBytes": 20000000},
    "tags": ["v1", "latest"], "incomplete": ["tags"],
    "status": {"phase": "Ready", "inputs": [{"name": "x", "datatype": "FP32"}], "metadata": {
      "metrics": {"a": [{"name": "accuracy", "value": 0.9}, {"name": "b.c", "value": "0.5"}]},
      "hyperParameters": [{"name": "lr", "value": true}], "labels": {"team": "risk"},
      "parents": [{"reference": "base/m:v1"}], "cut": true, "cutMembers": ["labels"]}}})"));
  return document;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string_view text = input.substr(0, input.find('\0'));
  const auto fields = slipway::resource::ModelVersionSearch();
  const auto expression = Expression::Parse(text, fields);
  if (!expression.has_value()) {
    CHECK(expression.error().code() == slipway::Code::kInvalidArgument);
    CHECK(expression.error().message().starts_with("where: column "));
    return 0;
  }
  slipway::Result<Json> parsed = RichDocument();
  if (text.size() < input.size()) parsed = slipway::ParseJson(input.substr(text.size() + 1));
  const Json& document = parsed.has_value() ? *parsed : RichDocument();
  const Truth truth = expression->Matches(document);
  if (expression->empty()) return 0;
  const auto negated = Expression::Parse("not (" + std::string(text) + ")", fields);
  // Longer, and deeper by one.
  if (!negated.has_value()) return 0;
  const Truth other = negated->Matches(document);
  CHECK(static_cast<int>(truth) + static_cast<int>(other) == static_cast<int>(Truth::kTrue));
  return 0;
}
