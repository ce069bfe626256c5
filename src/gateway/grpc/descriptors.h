// What protoc makes of the .proto files beside this, embedded when the program is built.
#pragma once

#include <string_view>

namespace slipway::gateway::grpc {

// A google.protobuf.FileDescriptorSet.
std::string_view DescriptorSet();

}  // namespace slipway::gateway::grpc
