// JsonReader: steps over a JSON document with errors that say what and where.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "gateway/v2/json_fault.h"
#include "gateway/v2/simdjson.h"

namespace slipway::gateway::v2 {

namespace ondemand = simdjson::ondemand;

// The members of an object one after the other:
//
//   MemberLoop loop(object, place);
//   while (loop.Next()) { ... loop.key(), loop.value() ... }
//   TRY_VOID(loop.End());
class MemberLoop {
 public:
  MemberLoop(ondemand::object& object, const JsonPlace& place)
      : place_(place), at_(object.begin()), end_(object.end()) {
    if (at_.error() != simdjson::SUCCESS) error_ = at_.error();
  }

  bool Next();
  std::string_view key() const { return key_; }
  ondemand::value& value() { return value_; }
  // Whether the loop ended because the object did.
  Result<void> End() const;

 private:
  const JsonPlace& place_;
  simdjson::simdjson_result<ondemand::object_iterator> at_;
  simdjson::simdjson_result<ondemand::object_iterator> end_;
  bool first_ = true;
  simdjson::error_code error_ = simdjson::SUCCESS;
  std::string_view key_;
  ondemand::value value_;
  size_t byte_ = 1;
};

// Typed values of the member `name`, with Triton's words where the type is another one.
Result<std::string_view> AsString(ondemand::value& value, std::string_view name);
Result<ondemand::array> AsArray(ondemand::value& value, std::string_view name);
Result<ondemand::object> AsObject(ondemand::value& value, std::string_view name);
Result<int64_t> AsInteger(ondemand::value& value, std::string_view name);
Result<uint64_t> AsUnsigned(ondemand::value& value, std::string_view name);
Result<bool> AsBool(ondemand::value& value, std::string_view name);

// Reads a value of which nothing is wanted but that it is JSON; `depth` is its nesting.
Result<void> Skip(ondemand::value& value, int depth, const JsonPlace& place);

}  // namespace slipway::gateway::v2
