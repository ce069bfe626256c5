// What the protocol tells of the server and its models, without running any.
#include <array>
#include <string>
#include <vector>

#include "base/build_info.h"
#include "gateway/grpc/environment.h"
#include "gateway/grpc/wire.h"
#include "gateway/model_config/config_json.h"
#include "gateway/model_config/describe.h"

namespace slipway::gateway::grpc {
namespace {

// Of ModelReady, ModelMetadata, ModelConfig and ModelStatistics: name 1, version 2.
struct NamedRequest {
  std::string_view name;
  std::string_view version;
};

Result<NamedRequest> ReadNamed(const net::GrpcCall& call, std::string_view message) {
  TRY(texts, ReadStrings<2>(call.message(), message));
  return NamedRequest{.name = texts[1], .version = texts[2]};
}

Result<void> ServerLive(const Environment&, const net::GrpcCall&, WireWriter& out) {
  out.Bool(1, true);
  return {};
}

Result<void> ServerReady(const Environment& environment, const net::GrpcCall&, WireWriter& out) {
  out.Bool(1, environment.v2.ready());
  return {};
}

Result<void> ModelReady(const Environment& environment, const net::GrpcCall& call,
                        WireWriter& out) {
  TRY(request, ReadNamed(call, "ModelReadyRequest"));
  const Result<RevisionRuntime*> found =
      FindAllowedRevision(environment, call, NameOf(request.name, request.version));
  const bool is_refused = found.has_error() && (found.error().code() == Code::kUnauthenticated ||
                                                found.error().code() == Code::kPermissionDenied);
  if (is_refused) return found.error();
  out.Bool(1, found.has_value());
  return {};
}

Result<void> ServerMetadata(const Environment& environment, const net::GrpcCall&, WireWriter& out) {
  out.Bytes(1, environment.v2.server_name);
  out.Bytes(2, Version());
  for (const std::string_view extension : v2::Extensions(environment.v2)) {
    out.Element(3, extension);
  }
  return {};
}

void WriteSpecs(uint32_t number, const std::vector<tensor::TensorSpec>& specs, WireWriter& out) {
  for (const tensor::TensorSpec& spec : specs) {
    std::string text;
    WireWriter writer(text);
    writer.Bytes(1, spec.name);
    writer.Bytes(2, DataTypeName(spec.type));
    writer.Packed(3, spec.shape.dims());
    out.Element(number, text);
  }
}

Result<void> ModelMetadata(const Environment& environment, const net::GrpcCall& call,
                           WireWriter& out) {
  TRY(request, ReadNamed(call, "ModelMetadataRequest"));
  const v2::ModelName name = NameOf(request.name, request.version);
  TRY(service, FindAllowed(environment, call, name));
  TRY(revision, v2::FindRevision(environment.v2.slots.current(), *service, name.version));
  const tensor::Signature& signature = revision->shown_signature();
  out.Bytes(1, request.name);
  for (const RevisionRuntime* ready : service->ready) out.Element(2, ready->version());
  out.Bytes(3, revision->model().model().platform());
  WriteSpecs(4, signature.inputs, out);
  WriteSpecs(5, signature.outputs, out);
  return {};
}

Result<void> ModelConfig(const Environment& environment, const net::GrpcCall& call,
                         WireWriter& out) {
  TRY(request, ReadNamed(call, "ModelConfigRequest"));
  TRY(revision, FindAllowedRevision(environment, call, NameOf(request.name, request.version)));
  std::string config;
  model_config::WriteConfigWire(model_config::Describe(*revision, request.name), config);
  out.Element(1, config);
  return {};
}

struct Row {
  std::string_view method;
  PlainMethod handle;
};

constexpr std::array kRows = {
    Row{"ServerLive", ServerLive},       Row{"ServerReady", ServerReady},
    Row{"ModelReady", ModelReady},       Row{"ServerMetadata", ServerMetadata},
    Row{"ModelMetadata", ModelMetadata}, Row{"ModelConfig", ModelConfig},
};

}  // namespace

void AddMetadataMethods(Environment& environment, net::GrpcService& service) {
  for (const Row& row : kRows)
    AddPlain(InferencePath(row.method), row.handle, environment, service);
}

}  // namespace slipway::gateway::grpc
