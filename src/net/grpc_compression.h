// Compression of gRPC messages.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "net/content_coding.h"
#include "net/grpc_message.h"

namespace slipway::net {

// The names of the codings that are taken, for grpc-accept-encoding.
inline constexpr std::string_view kGrpcEncodings = "identity,deflate,gzip";

// Appends what `bytes` stand for to `out`. INVALID_ARGUMENT / CODING_INVALID;
// RESOURCE_EXHAUSTED / MESSAGE_TOO_LARGE as soon as there is more than `limit_bytes`.
Result<void> DecompressMessage(ContentCoding coding, std::string_view bytes, size_t limit_bytes,
                               MemoryBudget* budget, MessageBuffer& out);
// Replaces the bytes of `text` from `begin` on by their compressed form, if that is shorter.
bool CompressMessage(ContentCoding coding, size_t begin, std::string& text);

}  // namespace slipway::net
