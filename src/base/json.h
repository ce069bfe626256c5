// JSON outside the hot path: bounded parsing with errors that name the byte.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

namespace slipway {

// Objects keep the order of their keys. Code that touches values includes <nlohmann/json.hpp>.
using Json = nlohmann::ordered_json;

struct JsonLimits {
  size_t max_bytes = 4 << 20;
  size_t max_depth = 64;
  size_t max_keys_per_object = 4096;
  size_t max_values = 1'000'000;
};

// One value and nothing after it. Errors (INVALID_ARGUMENT): JSON_SYNTAX, JSON_DUPLICATE_KEY,
// JSON_TOO_DEEP, JSON_TOO_LARGE; each says at which byte, from 1. Invalid UTF-8 is JSON_SYNTAX.
Result<Json> ParseJson(std::string_view text, const JsonLimits& limits = {});

// The same for one YAML document with JSON's value set (YAML 1.2 core schema: `yes` is a string).
// Aliases are refused (YAML_ALIAS), duplicate keys too; errors name line and column. Further
// reasons: YAML_SYNTAX, YAML_TAG, YAML_VALUE (what JSON has no place for). Empty text is null.
Result<Json> ParseYaml(std::string_view text, const JsonLimits& limits = {});
// All documents of a text ("---" between them), at most `max_documents`; the limits hold for all.
Result<std::vector<Json>> ParseYamlDocuments(std::string_view text, size_t max_documents,
                                             const JsonLimits& limits = {});

// Compact, UTF-8, invalid bytes replaced (never throws).
std::string DumpJson(const Json& value);
// Two spaces of indent, for people.
std::string DumpJsonPretty(const Json& value);
// Block style YAML, for people.
std::string DumpYaml(const Json& value);

}  // namespace slipway
