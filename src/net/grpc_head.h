// The headers of gRPC calls: pure functions.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway::net {

class GrpcService;

// "application/grpc", with "+proto" or parameters behind it.
bool IsGrpcContentType(std::string_view value);
// "100m": at most 8 digits and a unit out of H M S m u n. INVALID_ARGUMENT / TIMEOUT_MALFORMED.
Result<std::optional<std::chrono::nanoseconds>> ParseGrpcTimeout(
    std::optional<std::string_view> value);
// Whether a list with commas has the token.
bool ListsToken(std::string_view list, std::string_view token);
// grpc-message: printable ASCII but % stays, the rest becomes %XX; cut off where it is too long
// for a header.
std::string EncodeGrpcMessage(std::string_view text);
// UNIMPLEMENTED / ROUTE_UNKNOWN, in the words of other gRPC servers.
Error UnknownMethod(std::string_view path, const GrpcService& service);

}  // namespace slipway::net
