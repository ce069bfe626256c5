// grpc.health.v1: Check and Watch of the server and of its one service.
#include <chrono>
#include <optional>

#include "async/deadline.h"
#include "gateway/grpc/environment.h"
#include "gateway/limits.h"

namespace slipway::gateway::grpc {
namespace {

// HealthCheckResponse.ServingStatus.
enum Serving : uint64_t { kServing = 1, kNotServing = 2, kServiceUnknown = 3 };

Serving StateOf(const Environment& environment, std::string_view service) {
  if (!service.empty() && service != "inference.GRPCInferenceService") return kServiceUnknown;
  return environment.v2.ready() ? kServing : kNotServing;
}

Result<void> Check(const Environment& environment, const net::GrpcCall& call, WireWriter& out) {
  TRY(texts, ReadStrings<1>(call.message(), "HealthCheckRequest"));
  const Serving state = StateOf(environment, texts[1]);
  if (state == kServiceUnknown) {
    return NotFound("SERVICE_UNKNOWN", "unknown service '" + std::string(texts[1]) + "'");
  }
  out.Varint(1, state);
  return {};
}

// Looks now and then: nothing here is worth a call of every change.
Task<void> Watch(Environment& environment, net::GrpcCall& call) {
  if (!co_await call.Read()) co_return call.Finish();
  const auto texts = ReadStrings<1>(call.message(), "HealthCheckRequest");
  if (texts.has_error()) co_return call.Fail(texts.error());
  const std::string service((*texts)[1]);
  call.DropMessage();
  std::optional<Serving> told;
  while (!call.is_over()) {
    const Serving state = StateOf(environment, service);
    if (state != told) {
      told = state;
      WireWriter(call.answer()).Varint(1, state);
      if (!co_await call.Write()) break;
    }
    if (call.is_draining()) break;
    if (!co_await SleepFor(kWatchPause)) break;
  }
  call.Fail(Unavailable("SERVER_STOPS", "the server stops"));
}

}  // namespace

void AddHealthMethods(Environment& environment, net::GrpcService& service) {
  AddPlain("/grpc.health.v1.Health/Check", Check, environment, service);
  service.Add({.path = "/grpc.health.v1.Health/Watch",
               .unary = nullptr,
               .stream = [&environment](net::GrpcCall& call) { return Watch(environment, call); },
               .max_message_bytes = kMaxHealthMessageBytes});
}

}  // namespace slipway::gateway::grpc
