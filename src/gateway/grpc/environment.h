// What the gRPC methods need; outlives them.
#pragma once

#include <string>
#include <string_view>

#include "gateway/grpc/wire.h"
#include "gateway/v2/endpoints.h"
#include "gateway/v2/model_lookup.h"
#include "net/grpc_service.h"

namespace slipway::gateway::grpc {

struct Environment {
  v2::Environment& v2;
};

// GRPCInferenceService, health and reflection. `environment` outlives it.
net::GrpcService MakeService(Environment& environment);

// The number of gRPC that an error is answered with: the one place where this protocol picks one.
int StatusOf(const Error& error);

// `model` is SERVICE or PROJECT/SERVICE, an empty version is none.
v2::ModelName NameOf(std::string_view model, std::string_view version);
// The service, if the caller may infer on it.
Result<const ServiceEntry*> FindAllowed(const Environment& environment, const net::GrpcCall& call,
                                        const v2::ModelName& name);
// The same for a revision of it.
Result<RevisionRuntime*> FindAllowedRevision(const Environment& environment,
                                             const net::GrpcCall& call, const v2::ModelName& name);

// Ends the call with what went wrong, if something did.
void End(net::GrpcCall& call, const Result<void>& result);

// A method that needs not wait: writes the answer to the call's message.
using PlainMethod = Result<void> (*)(const Environment& environment, const net::GrpcCall& call,
                                     WireWriter& out);
void AddPlain(std::string path, PlainMethod method, Environment& environment,
              net::GrpcService& service);

// A unary method that waits; it ends the call.
using TaskMethod = Task<void> (*)(Environment& environment, net::GrpcCall& call);
void AddTask(std::string path, TaskMethod method, size_t max_message_bytes,
             Environment& environment, net::GrpcService& service);

// The groups of methods.
void AddInferMethods(Environment& environment, net::GrpcService& service);
void AddMetadataMethods(Environment& environment, net::GrpcService& service);
void AddStatisticsMethods(Environment& environment, net::GrpcService& service);
void AddRepositoryMethods(Environment& environment, net::GrpcService& service);
void AddSharedMemoryMethods(Environment& environment, net::GrpcService& service);
void AddSettingMethods(Environment& environment, net::GrpcService& service);
void AddHealthMethods(Environment& environment, net::GrpcService& service);
void AddReflectionMethods(net::GrpcService& service);

// The path of a method of GRPCInferenceService.
std::string InferencePath(std::string_view method);

}  // namespace slipway::gateway::grpc
