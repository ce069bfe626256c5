// The repository of models.
#include "gateway/v2/repository.h"

#include <string>
#include <utility>

#include "gateway/grpc/environment.h"
#include "gateway/grpc/wire.h"
#include "gateway/key_guard.h"
#include "gateway/limits.h"
#include "gateway/v2/error_response.h"
#include "gateway/v2/signature_check.h"

namespace slipway::gateway::grpc {
namespace {

struct IndexRequest {
  bool ready_only = false;
};

Result<IndexRequest> ReadIndexRequest(std::string_view message) {
  std::string_view repository;
  IndexRequest request;
  WireReader reader(message);
  for (WireField field; reader.Next(field);) {
    if (field.IsBytes(1)) repository = field.bytes;
    if (field.Is(2, WireType::kVarint)) request.ready_only = field.value != 0;
  }
  if (reader.is_broken()) return BrokenMessage("RepositoryIndexRequest");
  if (repository.empty()) return request;
  return Unimplemented("REPOSITORY_NAME", "'repository_name' specification is not supported");
}

v2::Caller CallerOf(const net::GrpcCall& call) {
  return {.is_loopback = call.peer_is_loopback(), .authorization = call.Metadata("authorization")};
}

Task<void> RepositoryIndex(Environment& environment, net::GrpcCall& call) {
  const Result<IndexRequest> request = ReadIndexRequest(call.message());
  if (request.has_error()) co_return call.Fail(request.error());
  WireWriter out(call.answer());
  for (const IndexEntry& entry :
       co_await v2::CollectIndex(environment.v2, CallerOf(call), request->ready_only)) {
    std::string text;
    WireWriter writer(text);
    writer.Bytes(1, entry.name);
    writer.Bytes(2, entry.version);
    writer.Bytes(3, entry.state);
    writer.Bytes(4, entry.reason);
    out.Element(1, text);
  }
  call.Finish();
}

// Of RepositoryModelLoad and Unload. Triton's request has the model's name in field 2, KServe's in
// field 1; `parameters` is the map 3 of ModelRepositoryParameter, whose truths are 1, texts 3 and
// bytes 4.
struct ModelRequest {
  std::string model;
  LoadRequest load;
  bool with_steps = false;  // of an unload
};

bool IsTrue(std::string_view parameter) {
  bool value = false;
  WireReader reader(parameter);
  for (WireField field; reader.Next(field);) {
    if (field.Is(1, WireType::kVarint)) value = field.value != 0;
  }
  return value;
}

Result<void> ReadModelParameter(std::string_view bytes, ModelRequest& out) {
  constexpr std::string_view kFile = "file:";
  TRY(entry, ReadStrings<2>(bytes, "ModelRepositoryParameter"));
  TRY(value, ReadStrings<4>(entry[2], "ModelRepositoryParameter"));
  const std::string_view key = entry[1];
  if (key == "config") {
    out.load.config = value[3];
  } else if (key.starts_with(kFile)) {
    out.load.files.emplace_back(key.substr(kFile.size()), value[4]);
  } else if (key == "unload_dependents") {
    out.with_steps = IsTrue(entry[2]);
  } else {
    return v2::MemberFault("parameters", "'" + v2::Utf8Of(key.substr(0, 64)) +
                                             "' is no parameter of a load: config and file:PATH "
                                             "are");
  }
  return {};
}

Result<ModelRequest> ReadModelRequest(std::string_view message) {
  TRY(names, ReadStrings<2>(message, "RepositoryModelRequest"));
  ModelRequest request{.model = std::string(names[2].empty() ? names[1] : names[2]),
                       .load = {},
                       .with_steps = false};
  if (request.model.empty()) {
    return InvalidArgument("MODEL_NAME", "the request names no model: set model_name");
  }
  WireReader reader(message);
  for (WireField field; reader.Next(field);) {
    if (field.IsBytes(3)) TRY_VOID(ReadModelParameter(field.bytes, request));
  }
  return request;
}

// `kLoad`: else the model is unloaded.
template <bool kLoad>
Task<void> ChangeModel(Environment& environment, net::GrpcCall& call) {
  Result<ModelRequest> request = ReadModelRequest(call.message());
  if (request.has_error()) co_return call.Fail(request.error());
  const v2::Caller caller = CallerOf(call);
  const Result<void> allowed =
      CheckControl(environment.v2.control, caller.is_loopback, caller.authorization);
  const std::string what = std::string(kLoad ? "failed to load '" : "failed to unload '") +
                           v2::Utf8Of(request->model) + "': ";
  if (allowed.has_error()) {
    const Error& error = allowed.error();
    co_return call.Fail(Error(error.code(), error.reason(), what + error.message()));
  }
  Result<void> changed;
  if constexpr (kLoad) {
    changed = co_await environment.v2.models->Load(
        request->model, [&request]() -> Result<LoadRequest> { return std::move(request->load); });
  } else {
    changed = co_await environment.v2.models->Unload(request->model, request->with_steps);
  }
  if (changed.has_error()) co_return call.Fail(changed.error());
  // As KServe has it: Triton's clients know no field of the answer.
  WireWriter out(call.answer());
  out.Bytes(1, request->model);
  out.Bool(2, true);
  call.Finish();
}

}  // namespace

void AddRepositoryMethods(Environment& environment, net::GrpcService& service) {
  AddTask(InferencePath("RepositoryIndex"), RepositoryIndex, kMaxPlainMessageBytes, environment,
          service);
  // As large as models that come with a load.
  AddTask(InferencePath("RepositoryModelLoad"), ChangeModel<true>, 0, environment, service);
  AddTask(InferencePath("RepositoryModelUnload"), ChangeModel<false>, kMaxPlainMessageBytes,
          environment, service);
}

}  // namespace slipway::gateway::grpc
