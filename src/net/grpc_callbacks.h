// What nghttp2 asks a GrpcSession for while it writes: the other half of its callbacks.
#pragma once

struct nghttp2_session_callbacks;

namespace slipway::net {

void SetGrpcWriting(nghttp2_session_callbacks* callbacks);

}  // namespace slipway::net
