#include <string>
#include <utility>

#include "gateway/grpc/environment.h"
#include "gateway/key_guard.h"
#include "gateway/limits.h"
#include "gateway/telemetry/telemetry.h"

namespace slipway::gateway::grpc {

net::GrpcService MakeService(Environment& environment) {
  net::GrpcService service({.max_message_bytes = kMaxInferBodyBytes,
                            .memory = &environment.v2.bodies,
                            .observer = environment.v2.telemetry,
                            .status_of = StatusOf});
  AddInferMethods(environment, service);
  AddMetadataMethods(environment, service);
  AddStatisticsMethods(environment, service);
  AddRepositoryMethods(environment, service);
  AddSharedMemoryMethods(environment, service);
  AddSettingMethods(environment, service);
  AddHealthMethods(environment, service);
  AddReflectionMethods(service);
  return service;
}

// As Triton maps its own codes: UNSUPPORTED is UNIMPLEMENTED, what may be tried again UNAVAILABLE.
int StatusOf(const Error& error) {
  // Triton's word for a request that waited too long; the client's own deadline is another.
  if (error.reason() == "REQUEST_TIMEOUT") return static_cast<int>(Code::kUnavailable);
  switch (error.code()) {
    case Code::kCancelled:
    case Code::kUnknown:
    case Code::kInvalidArgument:
    case Code::kDeadlineExceeded:
    case Code::kNotFound:
    case Code::kAlreadyExists:
    case Code::kPermissionDenied:
    case Code::kResourceExhausted:
    case Code::kFailedPrecondition:
    case Code::kAborted:
    case Code::kOutOfRange:
    case Code::kUnimplemented:
    case Code::kInternal:
    case Code::kUnavailable:
    case Code::kDataLoss:
    case Code::kUnauthenticated:
      return static_cast<int>(error.code());
  }
  return static_cast<int>(Code::kUnknown);
}

v2::ModelName NameOf(std::string_view model, std::string_view version) {
  v2::ModelName name{.project = kDefaultProject, .service = model, .version = std::nullopt};
  if (const size_t slash = model.find('/'); slash != std::string_view::npos) {
    name.project = model.substr(0, slash);
    name.service = model.substr(slash + 1);
  }
  if (!version.empty()) name.version = version;
  return name;
}

Result<const ServiceEntry*> FindAllowed(const Environment& environment, const net::GrpcCall& call,
                                        const v2::ModelName& name) {
  CoreSlot& core = environment.v2.slots.current();
  TRY(service, v2::FindService(core, name));
  if (service->needs_key) {
    TRY(key, CheckKey(core, environment.v2.clock, *service, call.Metadata("authorization")));
    if (RequestRecord* const record = RecordOf(call)) record->key = key->name;
  }
  return service;
}

Result<RevisionRuntime*> FindAllowedRevision(const Environment& environment,
                                             const net::GrpcCall& call, const v2::ModelName& name) {
  TRY(service, FindAllowed(environment, call, name));
  return v2::FindRevision(environment.v2.slots.current(), *service, name.version);
}

void End(net::GrpcCall& call, const Result<void>& result) {
  result.has_value() ? call.Finish() : call.Fail(result.error());
}

void AddPlain(std::string path, PlainMethod method, Environment& environment,
              net::GrpcService& service) {
  service.Add({.path = std::move(path),
               .unary =
                   [&environment, method](net::GrpcCall& call) {
                     WireWriter out(call.answer());
                     End(call, method(environment, call, out));
                   },
               .stream = nullptr,
               .max_message_bytes = kMaxPlainMessageBytes});
}

void AddTask(std::string path, TaskMethod method, size_t max_message_bytes,
             Environment& environment, net::GrpcService& service) {
  service.Add({.path = std::move(path),
               .unary = [&environment,
                         method](net::GrpcCall& call) { call.Start(method(environment, call)); },
               .stream = nullptr,
               .max_message_bytes = max_message_bytes});
}

std::string InferencePath(std::string_view method) {
  return "/inference.GRPCInferenceService/" + std::string(method);
}

}  // namespace slipway::gateway::grpc
