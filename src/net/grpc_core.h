// GrpcCore: what the gRPC connections of one core share.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "net/grpc_call.h"
#include "net/grpc_service.h"
#include "net/limits.h"

namespace slipway::net {

struct GrpcCore {
  GrpcCore(const GrpcService& methods, const std::string& server);

  std::unique_ptr<GrpcCall> TakeCall();
  void GiveCall(std::unique_ptr<GrpcCall> call);
  // Of kGrpcReadBytes; between two suspensions only.
  char* input();

  const GrpcService& service;
  size_t open_calls = 0;
  std::array<Counter*, 17> calls{};  // by status

 private:
  std::unique_ptr<char[]> input_;
  std::vector<std::unique_ptr<GrpcCall>> spare_;
};

}  // namespace slipway::net
