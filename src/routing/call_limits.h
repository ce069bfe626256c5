// CallLimits: how much one caller may ask of the data plane.
#pragma once

#include <cstdint>

#include "base/describe.h"

namespace slipway::routing {

struct CallLimits {
  double requests_per_second = 0;  // 0: any number
  int32_t burst = 0;               // at once after a pause; 0: as many as a second allows
  int32_t concurrent = 0;          // at the same time; 0: any number

  bool empty() const { return requests_per_second <= 0 && concurrent <= 0; }
  bool operator==(const CallLimits&) const = default;
};
BOOST_DESCRIBE_STRUCT(CallLimits, (), (requests_per_second, burst, concurrent))

}  // namespace slipway::routing

template <>
struct slipway::Description<slipway::routing::CallLimits> {
  static constexpr std::string_view kText =
      "How much a caller may ask; above it requests are answered 429 with Retry-After.";
  static constexpr FieldText kFields[] = {
      {.name = "requests_per_second",
       .text = "Requests a second in the long run, 0.5 is one in two seconds; 0: any number.",
       .min = 0,
       .max = 1'000'000},
      {.name = "burst",
       .text = "Requests at once after a pause; 0: as many as a second allows, at least 1.",
       .min = 0,
       .max = 1'000'000},
      {.name = "concurrent",
       .text = "Requests at the same time; 0: any number.",
       .min = 0,
       .max = 100'000},
  };
};
