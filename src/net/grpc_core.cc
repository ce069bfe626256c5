#include "net/grpc_core.h"

#include <utility>

#include "base/error.h"

namespace slipway::net {

GrpcCore::GrpcCore(const GrpcService& methods, const std::string& server) : service(methods) {
  for (size_t i = 0; i < calls.size(); ++i) {
    const std::string status(i == 0 ? "OK" : CodeName(static_cast<Code>(i)));
    calls[i] = &GetCounter("slipway_grpc_calls_total", "gRPC calls answered.",
                           {{"server", server}, {"status", status}});
  }
}

std::unique_ptr<GrpcCall> GrpcCore::TakeCall() {
  ++open_calls;
  if (spare_.empty()) return std::make_unique<GrpcCall>();
  std::unique_ptr<GrpcCall> call = std::move(spare_.back());
  spare_.pop_back();
  return call;
}

void GrpcCore::GiveCall(std::unique_ptr<GrpcCall> call) {
  --open_calls;
  if (spare_.size() < kKeptCalls) spare_.push_back(std::move(call));
}

char* GrpcCore::input() {
  if (input_ == nullptr) input_ = std::make_unique_for_overwrite<char[]>(kGrpcReadBytes);
  return input_.get();
}

}  // namespace slipway::net
