#include "gateway/v2/request_context.h"

#include "gateway/limits.h"
#include "gateway/v2/signature_check.h"

namespace slipway::gateway::v2 {

Result<void> RequestContext::CountParameter() {
  if (++parameters <= kMaxParameters) return {};
  return MemberFault("parameters", "more than " + std::to_string(kMaxParameters) +
                                       " parameters, the most that one request may have");
}

Result<void> RequestContext::PlainParameter(std::string_view key, ondemand::value& value) const {
  // The request, one `parameters` object.
  constexpr int kDepth = 2;
  const char first = *value.raw_json_token().data();
  if (first != '{' && first != '[' && first != 'n') return Skip(value, kDepth, place);
  return MemberFault(
      "parameters", "parameter '" + std::string(key) + "' must be a string, a number or a boolean");
}

Result<bool> ReadSharedParameter(std::string_view key, ondemand::value& value,
                                 SharedParameters& out) {
  if (key == kSharedRegion) {
    TRY(region, AsString(value, key));
    out.region = region;
  } else if (key == kSharedByteSize) {
    TRY(size, AsUnsigned(value, key));
    out.byte_size = size;
  } else if (key == kSharedOffset) {
    TRY(offset, AsUnsigned(value, key));
    out.offset = offset;
  } else {
    return false;
  }
  return true;
}

Error Missing(std::string_view member, std::string_view of) {
  return MemberFault(member, "attempt to access non-existing object member '" +
                                 std::string(member) + "'" + std::string(of));
}

Error Repeated(std::string_view member) {
  return MemberFault(member, "the member is there more than once");
}

}  // namespace slipway::gateway::v2
