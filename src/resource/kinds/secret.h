// Secret: named values that can be written and used by name, but never read back. They are kept
// encrypted, apart from the resource (resource/secret_values.h).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "resource/kinds.h"

namespace slipway::resource {

struct SecretSpec {
  // Only in requests: never in what is stored. Nothing keeps the values, an empty map has none.
  std::optional<std::map<std::string, std::string>> data;
  std::string description;
};
BOOST_DESCRIBE_STRUCT(SecretSpec, (), (data, description))

struct SecretStatus : StatusBase {
  std::vector<std::string> keys;
};
BOOST_DESCRIBE_STRUCT(SecretStatus, (StatusBase), (keys))

KindInfo SecretKind();

}  // namespace slipway::resource

template <>
struct slipway::Description<slipway::resource::SecretSpec> {
  static constexpr std::string_view kText = "Named values that can be used but not read.";
  static constexpr FieldText kFields[] = {
      {.name = "data",
       .text = "All values; replaces those before, leave it out to keep them. A merge patch keeps "
               "what it does not name, and takes away what is null.",
       .max = 64,
       .key_format = "label-key",
       .secret = true},
      {.name = "description", .text = "What they are for.", .max = 4096},
  };
};

template <>
struct slipway::Description<slipway::resource::SecretStatus> {
  static constexpr std::string_view kText = "What may be seen of a secret.";
  static constexpr FieldText kFields[] = {
      {.name = "keys", .text = "Names of the values."},
  };
};
