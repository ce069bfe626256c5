// SearchField: what an expression of a list's `where` may ask of a kind.
#pragma once

#include <cstdint>
#include <string_view>

namespace slipway::resource {

// How its values are compared.
enum class SearchType : uint8_t {
  kText,   // texts; in an order, digits in a row count as one number
  kBytes,  // numbers, with units: 20MB, 1.5GiB
  kTime,   // RFC 3339, or a date, which is all of that day (UTC)
  kAny,    // as what they are: numbers, texts, true and false
};

// What stands where its path leads to.
enum class SearchShape : uint8_t {
  kValue,    // a value, or a list or object of values
  kKeyed,    // an object: a key follows, labels.team
  kNamed,    // a list of {name, value}: a name follows, hyperParameters.lr
  kGrouped,  // an object of such lists: a name follows, or a group and a name
};

struct SearchField {
  std::string_view name;  // as people write it; may have a dot
  SearchType type = SearchType::kText;
  SearchShape shape = SearchShape::kValue;
  // In the object as JSON, "status.metadata.parents.digest"; of a list on it all items count.
  std::string_view path;
  std::string_view text;  // what it is, in a few words
};

}  // namespace slipway::resource
