// Kinds and their fields in words, for `slipway explain` and GET /api/v1/explain.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/describe.h"
#include "base/result.h"

namespace slipway::resource {

struct ExplainedField {
  std::string name;
  std::string type;
  std::string text;
};
BOOST_DESCRIBE_STRUCT(ExplainedField, (), (name, type, text))

struct Explanation {
  std::string path;                    // "service.spec.predictor"; a kind's name; empty: all kinds
  std::string type;                    // with limits and default, empty for kinds
  std::vector<std::string> text;       // sentences about it
  std::vector<std::string> notes;      // of a kind: where it is, who writes it
  std::vector<ExplainedField> fields;  // in it; for all kinds, the kinds with their plurals
};
BOOST_DESCRIBE_STRUCT(Explanation, (), (path, type, text, notes, fields))

// "service.spec.predictor": what the field means, its type, limits and default, and the fields in
// it; "service": the kind; "": all kinds. Lists, maps and optionals are passed through to what they
// hold. NOT_FOUND / KIND_UNKNOWN or FIELD_UNKNOWN with the names that there are.
Result<Explanation> Explain(std::string_view path);

// As text for a terminal.
std::string TextOf(const Explanation& explanation);

}  // namespace slipway::resource

template <>
struct slipway::Description<slipway::resource::ExplainedField> {
  static constexpr std::string_view kText = "A field, or a kind among all kinds.";
  static constexpr FieldText kFields[] = {
      {.name = "name", .text = "Its name in JSON; of a kind: on the command line."},
      {.name = "type", .text = "Its type with limits and default; of a kind: its plural."},
      {.name = "text", .text = "What it means."},
  };
};

template <>
struct slipway::Description<slipway::resource::Explanation> {
  static constexpr std::string_view kText = "What a kind or one of its fields means.";
  static constexpr FieldText kFields[] = {
      {.name = "path", .text = "What is explained; empty for all kinds."},
      {.name = "type", .text = "Type of the field with limits and default; empty for kinds."},
      {.name = "text", .text = "Sentences about it."},
      {.name = "notes", .text = "Of a kind: where it is, and who writes it."},
      {.name = "fields", .text = "What it holds; for all kinds, the kinds."},
  };
};
