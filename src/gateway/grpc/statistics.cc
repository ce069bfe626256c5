// ModelStatistics.
#include <string>

#include "gateway/grpc/environment.h"
#include "gateway/grpc/wire.h"
#include "gateway/revision_statistics.h"

namespace slipway::gateway::grpc {
namespace {

void WriteDuration(uint32_t number, uint64_t count, uint64_t ns, WireWriter& out) {
  std::string text;
  WireWriter writer(text);
  writer.Varint(1, count);
  writer.Varint(2, ns);
  out.Element(number, text);
}

std::string DurationsOf(const RevisionStatistics& statistics) {
  std::string text;
  WireWriter writer(text);
  WriteDuration(1, statistics.success, statistics.request_ns, writer);
  WriteDuration(2, statistics.failures, statistics.failure_ns, writer);
  WriteDuration(3, statistics.success, statistics.queue_ns, writer);
  WriteDuration(4, statistics.success, statistics.input_ns, writer);
  WriteDuration(5, statistics.success, statistics.infer_ns, writer);
  WriteDuration(6, statistics.success, statistics.output_ns, writer);
  WriteDuration(7, 0, 0, writer);
  WriteDuration(8, 0, 0, writer);
  return text;
}

std::string BatchOf(const BatchStatistics& batch) {
  std::string text;
  WireWriter writer(text);
  writer.Varint(1, batch.size);
  WriteDuration(2, batch.executions, batch.input_ns, writer);
  WriteDuration(3, batch.executions, batch.infer_ns, writer);
  WriteDuration(4, batch.executions, batch.output_ns, writer);
  return text;
}

std::string MemoryOf(std::string_view type, uint64_t bytes) {
  std::string text;
  WireWriter writer(text);
  writer.Bytes(1, type);
  writer.Varint(3, bytes);
  return text;
}

void WriteStatistics(const Environment& environment, const ServiceEntry& service,
                     const RevisionRuntime& revision, WireWriter& out) {
  const RevisionStatistics statistics = StatisticsOf(revision, environment.v2.clock);
  std::string text;
  WireWriter writer(text);
  writer.Bytes(1, v2::FullName(service));
  writer.Bytes(2, revision.version());
  writer.Varint(3, static_cast<uint64_t>(statistics.last_inference_ms));
  writer.Varint(4, statistics.inferences);
  writer.Varint(5, statistics.executions);
  writer.Element(6, DurationsOf(statistics));
  for (const BatchStatistics& batch : statistics.batches) writer.Element(7, BatchOf(batch));
  writer.Element(8, MemoryOf("CPU", statistics.memory_bytes));
  if (statistics.gpu_memory_bytes) writer.Element(8, MemoryOf("GPU", *statistics.gpu_memory_bytes));
  out.Element(1, text);
}

Result<void> ModelStatistics(const Environment& environment, const net::GrpcCall& call,
                             WireWriter& out) {
  TRY(texts, ReadStrings<2>(call.message(), "ModelStatisticsRequest"));
  const auto write_all = [&](const ServiceEntry& service) {
    for (const RevisionRuntime* revision : service.ready) {
      WriteStatistics(environment, service, *revision, out);
    }
  };
  if (texts[1].empty()) {
    v2::VisitAllowed(environment.v2, call.Metadata("authorization"), write_all);
    return {};
  }
  const v2::ModelName name = NameOf(texts[1], texts[2]);
  TRY(service, FindAllowed(environment, call, name));
  if (!name.version) {
    write_all(*service);
    return {};
  }
  TRY(revision, v2::FindRevision(environment.v2.slots.current(), *service, name.version));
  WriteStatistics(environment, *service, *revision, out);
  return {};
}

}  // namespace

void AddStatisticsMethods(Environment& environment, net::GrpcService& service) {
  AddPlain(InferencePath("ModelStatistics"), ModelStatistics, environment, service);
}

}  // namespace slipway::gateway::grpc
