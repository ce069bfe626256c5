// Statistics and the repository of models; and what is not served here, with the way out.
#include <algorithm>
#include <array>
#include <string>

#include "gateway/grpc/environment.h"
#include "gateway/grpc/wire.h"
#include "gateway/key_guard.h"
#include "gateway/v2/error_response.h"

namespace slipway::gateway::grpc {
namespace {

// Of one revision, over all cores.
struct Totals {
  explicit Totals(const RevisionRuntime& revision) {
    for (const Lane& lane : revision.lanes()) {
      const RequestCounters& counters = lane.counters;
      success += counters.success.Value();
      for (const OwnedCounter& failure : counters.failure) failures += failure.Value();
      inferences += counters.inferences.Value();
      executions += counters.executions.Value();
      request_ns += counters.request_ns.Value();
      queue_ns += counters.queue_ns.Value();
      input_ns += counters.compute_input_ns.Value();
      infer_ns += counters.compute_infer_ns.Value();
      output_ns += counters.compute_output_ns.Value();
    }
  }
  uint64_t success = 0;
  uint64_t failures = 0;
  uint64_t inferences = 0;
  uint64_t executions = 0;
  uint64_t request_ns = 0;
  uint64_t queue_ns = 0;
  uint64_t input_ns = 0;
  uint64_t infer_ns = 0;
  uint64_t output_ns = 0;
};

void WriteDuration(uint32_t number, uint64_t count, uint64_t ns, WireWriter& out) {
  std::string text;
  WireWriter writer(text);
  writer.Varint(1, count);
  writer.Varint(2, ns);
  out.Element(number, text);
}

std::string DurationsOf(const Totals& totals) {
  std::string text;
  WireWriter writer(text);
  WriteDuration(1, totals.success, totals.request_ns, writer);
  WriteDuration(2, totals.failures, 0, writer);
  WriteDuration(3, totals.success, totals.queue_ns, writer);
  WriteDuration(4, totals.success, totals.input_ns, writer);
  WriteDuration(5, totals.success, totals.infer_ns, writer);
  WriteDuration(6, totals.success, totals.output_ns, writer);
  WriteDuration(7, 0, 0, writer);
  WriteDuration(8, 0, 0, writer);
  return text;
}

// The name by which gRPC's clients know a service.
std::string FullName(const ServiceEntry& service) {
  if (service.project == kDefaultProject) return service.name;
  return service.project + "/" + service.name;
}

void WriteStatistics(const ServiceEntry& service, const RevisionRuntime& revision,
                     WireWriter& out) {
  const Totals totals(revision);
  std::string text;
  WireWriter writer(text);
  writer.Bytes(1, FullName(service));
  writer.Bytes(2, revision.version());
  writer.Varint(4, totals.inferences);
  writer.Varint(5, totals.executions);
  writer.Element(6, DurationsOf(totals));
  if (totals.executions > 0) {
    // Each run serves one request.
    std::string batch;
    WireWriter batches(batch);
    batches.Varint(1, 1);
    WriteDuration(2, totals.executions, totals.input_ns, batches);
    WriteDuration(3, totals.executions, totals.infer_ns, batches);
    WriteDuration(4, totals.executions, totals.output_ns, batches);
    writer.Element(7, batch);
  }
  out.Element(1, text);
}

// The services that the caller may infer on.
template <class Visit>
void VisitAllowed(const Environment& environment, const net::GrpcCall& call, Visit visit) {
  CoreSlot& core = environment.v2.slots.current();
  for (const ServiceEntry& service : core.snapshot->services()) {
    const auto allowed = CheckKey(core, environment.clock, service, call.Metadata("authorization"));
    if (allowed.has_value()) visit(service);
  }
}

Result<void> ModelStatistics(const Environment& environment, const net::GrpcCall& call,
                             WireWriter& out) {
  TRY(texts, ReadStrings<2>(call.message(), "ModelStatisticsRequest"));
  const auto write_all = [&out](const ServiceEntry& service) {
    for (const RevisionRuntime* revision : service.ready) WriteStatistics(service, *revision, out);
  };
  if (texts[1].empty()) {
    VisitAllowed(environment, call, write_all);
    return {};
  }
  const v2::ModelName name = NameOf(texts[1], texts[2]);
  TRY(service, FindAllowed(environment, call, name));
  if (!name.version) {
    write_all(*service);
    return {};
  }
  TRY(revision, v2::FindRevision(environment.v2.slots.current(), *service, name.version));
  WriteStatistics(*service, *revision, out);
  return {};
}

void WriteIndex(std::string_view name, std::string_view version, std::string_view state,
                std::string_view reason, WireWriter& out) {
  std::string text;
  WireWriter writer(text);
  writer.Bytes(1, name);
  writer.Bytes(2, version);
  writer.Bytes(3, state);
  writer.Bytes(4, reason);
  out.Element(1, text);
}

Result<void> RepositoryIndex(const Environment& environment, const net::GrpcCall& call,
                             WireWriter& out) {
  std::string_view repository;
  bool ready_only = false;
  WireReader reader(call.message());
  for (WireField field; reader.Next(field);) {
    if (field.IsBytes(1)) repository = field.bytes;
    if (field.Is(2, WireType::kVarint)) ready_only = field.value != 0;
  }
  if (reader.is_broken()) return BrokenMessage("RepositoryIndexRequest");
  if (!repository.empty()) {
    return Unimplemented("REPOSITORY_NAME", "'repository_name' specification is not supported");
  }
  VisitAllowed(environment, call, [&](const ServiceEntry& service) {
    const std::string name = FullName(service);
    for (const RevisionRuntime* revision : service.ready) {
      WriteIndex(name, revision->version(), "READY", "", out);
    }
    if (ready_only) return;
    for (const UnreadyRevision& revision : service.unready) {
      WriteIndex(name, revision.version, revision.reason.empty() ? "LOADING" : "UNAVAILABLE",
                 v2::Utf8Of(revision.reason), out);
    }
  });
  return {};
}

// Triton's request has the model's name in field 2, KServe's in field 1.
template <bool kLoad>
Result<void> ChangeModel(const Environment& environment, const net::GrpcCall& call, WireWriter&) {
  TRY(texts, ReadStrings<2>(call.message(), "RepositoryModelRequest"));
  const std::string_view model = texts[2].empty() ? texts[1] : texts[2];
  if (model.empty()) {
    return InvalidArgument("MODEL_NAME", "the request names no model: set model_name");
  }
  const Result<const ServiceEntry*> service = FindAllowed(environment, call, NameOf(model, ""));
  const bool is_unknown = service.has_error() && service.error().code() == Code::kNotFound;
  if (service.has_error() && !is_unknown) return service.error();
  const std::string name(model);
  if (kLoad) {
    return FailedPrecondition(
        "MANAGED", "failed to load '" + name +
                       "': what is served here is managed; `slipway deploy` changes it, and a "
                       "stand-alone `slipway serve` serves the model that it was started with");
  }
  return FailedPrecondition(
      "MANAGED", "failed to unload '" + name +
                     "': what is served here is managed; `slipway delete service/NAME` ends it");
}

Error NoSharedMemory() {
  return Unimplemented("SHARED_MEMORY_UNSUPPORTED",
                       "this server takes no shared memory over gRPC: send the tensors in the "
                       "message");
}

Result<void> SharedMemory(const Environment&, const net::GrpcCall&, WireWriter&) {
  return NoSharedMemory();
}

// There is nothing to forget.
Result<void> Nothing(const Environment&, const net::GrpcCall&, WireWriter&) {
  return {};
}

Result<void> TraceSetting(const Environment&, const net::GrpcCall&, WireWriter&) {
  return Unimplemented("TRACE_UNSUPPORTED", "this server has no trace settings");
}

Result<void> LogSettings(const Environment&, const net::GrpcCall&, WireWriter&) {
  return Unimplemented("LOG_UNSUPPORTED",
                       "the log is set where the server is started: see --log-level");
}

struct Row {
  std::string_view method;
  PlainMethod handle;
};

constexpr std::array kRows = {
    Row{"ModelStatistics", ModelStatistics},
    Row{"RepositoryIndex", RepositoryIndex},
    Row{"RepositoryModelLoad", ChangeModel<true>},
    Row{"RepositoryModelUnload", ChangeModel<false>},
    Row{"SystemSharedMemoryStatus", Nothing},
    Row{"SystemSharedMemoryRegister", SharedMemory},
    Row{"SystemSharedMemoryUnregister", Nothing},
    Row{"CudaSharedMemoryStatus", Nothing},
    Row{"CudaSharedMemoryRegister", SharedMemory},
    Row{"CudaSharedMemoryUnregister", Nothing},
    Row{"TraceSetting", TraceSetting},
    Row{"LogSettings", LogSettings},
};

}  // namespace

void AddRepositoryMethods(Environment& environment, net::GrpcService& service) {
  for (const Row& row : kRows)
    AddPlain(InferencePath(row.method), row.handle, environment, service);
}

}  // namespace slipway::gateway::grpc
