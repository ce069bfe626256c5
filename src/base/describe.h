// Describe: a type is described once, and decoding, encoding, defaults, validation, JSON Schema and
// `slipway explain` all come from that.
//
//   struct TrafficSplit {
//     std::string revision;
//     int weight = 0;
//   };
//   BOOST_DESCRIBE_STRUCT(TrafficSplit, (), (revision, weight))
//   template <> struct Description<TrafficSplit> {
//     static constexpr std::string_view kText = "One share of the traffic.";
//     static constexpr FieldText kFields[] = {
//         {.name = "revision", .text = "Name of the revision.", .required = true},
//         {.name = "weight", .text = "Share in parts of 10,000.", .min = 0, .max = 10'000},
//     };
//   };
//
// Members may be bool, int32_t, int64_t, uint64_t, double, std::string, Json (free form), an enum
// described with BOOST_DESCRIBE_ENUM, another described struct, or std::optional, std::vector and
// std::map<std::string, ...> of these. A member `max_batch_size` is `maxBatchSize` in JSON; an
// enumerator `kAnonymous` is "anonymous", unless Description<Enum>::kPascalCase is true
// ("Anonymous"). A member's initialiser is its default; null is the same as absent. Members of
// described base classes come first. A struct without a Description has no texts and no limits.
#pragma once

#include <limits>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/result.h"

namespace slipway {

struct FieldText {
  std::string_view name;  // of the C++ member
  std::string_view text;  // one sentence: what it means, with its unit
  bool required = false;
  // Bounds of a number, of a string's length in bytes, of a list's or map's item count.
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  // A named check of strings (or of each string in a list or map): base/format_check.h.
  std::string_view format = {};
  std::string_view key_format = {};  // the same for the keys of a map
  bool read_only = false;            // set by the system; ignored in what users send
  bool secret = false;               // write-only: no error shows what was sent
};

template <class T>
struct Description;

struct TypeInfo;  // the run-time description; base/type_info.h

// The one TypeInfo of T, made at first use. Thread-safe.
template <class T>
const TypeInfo& TypeOf();

enum class UnknownFields : uint8_t { kRefuse, kIgnore };

// Type-erased workers; `at` is the path of the value, used in errors. Errors (INVALID_ARGUMENT)
// carry the detail "field" and begin with it: `spec.traffic.split[1].weight: 0 to 10000, got
// 14000`. Reasons: FIELD_UNKNOWN, FIELD_TYPE, FIELD_RANGE, FIELD_REQUIRED, FIELD_FORMAT.
Result<void> DecodeInto(const TypeInfo& type, void* object, const Json& json, std::string_view at,
                        UnknownFields unknown);
Json EncodeFrom(const TypeInfo& type, const void* object);
// JSON Schema 2020-12 (the dialect of OpenAPI 3.1); nested described types are `$ref`s to
// `#/components/schemas/NAME`, and are added to `components`.
Json SchemaOf(const TypeInfo& type, Json& components);

template <class T>
Result<T> Decode(const Json& json, std::string_view at = {},
                 UnknownFields unknown = UnknownFields::kRefuse) {
  T object{};
  TRY_VOID(DecodeInto(TypeOf<T>(), &object, json, at, unknown));
  return object;
}

// Fields in the order of the description; empty optionals, and empty lists, maps and strings that
// are not required, are left out.
template <class T>
Json Encode(const T& object) {
  return EncodeFrom(TypeOf<T>(), &object);
}

}  // namespace slipway

#include "base/type_info.h"  // IWYU pragma: export
