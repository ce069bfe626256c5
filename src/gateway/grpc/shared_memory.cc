// Shared memory: system's, where it is opened, and CUDA's, which is not served.
#include <array>
#include <string>

#include "gateway/grpc/environment.h"
#include "gateway/grpc/wire.h"
#include "gateway/v2/error_response.h"
#include "gateway/v2/shared_memory_routes.h"

namespace slipway::gateway::grpc {
namespace {

Result<void> CheckMaySet(const Environment& environment, const net::GrpcCall& call) {
  return CheckControl(environment.v2.control, call.peer_is_loopback(),
                      call.Metadata("authorization"));
}

// SystemSharedMemoryStatusResponse: a map of RegionStatus, name 1, key 2, offset 3, byte_size 4.
Result<void> Status(const Environment& environment, const net::GrpcCall& call, WireWriter& out) {
  TRY(texts, ReadStrings<1>(call.message(), "SystemSharedMemoryStatusRequest"));
  if (!call.peer_is_loopback()) TRY_VOID(CheckMaySet(environment, call));
  TRY(regions, v2::RegionsOf(environment.v2, texts[1]));
  for (const RegionStatus& region : regions) {
    std::string status;
    WireWriter writer(status);
    writer.Bytes(1, region.name);
    writer.Bytes(2, region.key);
    writer.Varint(3, region.offset);
    writer.Varint(4, region.byte_size);
    std::string entry;
    WireWriter entries(entry);
    entries.Bytes(1, region.name);
    entries.Element(2, status);
    out.Element(1, entry);
  }
  return {};
}

Result<void> Register(const Environment& environment, const net::GrpcCall& call, WireWriter&) {
  TRY_VOID(CheckMaySet(environment, call));
  RegionStatus region;
  WireReader reader(call.message());
  for (WireField field; reader.Next(field);) {
    if (field.IsBytes(1)) region.name = field.bytes;
    if (field.IsBytes(2)) region.key = field.bytes;
    if (field.Is(3, WireType::kVarint)) region.offset = field.value;
    if (field.Is(4, WireType::kVarint)) region.byte_size = field.value;
  }
  if (reader.is_broken()) return BrokenMessage("SystemSharedMemoryRegisterRequest");
  return v2::RegisterRegion(environment.v2, region);
}

Result<void> Unregister(const Environment& environment, const net::GrpcCall& call, WireWriter&) {
  TRY_VOID(CheckMaySet(environment, call));
  TRY(texts, ReadStrings<1>(call.message(), "SystemSharedMemoryUnregisterRequest"));
  v2::UnregisterRegion(environment.v2, texts[1]);
  return {};
}

// There is nothing to tell or to forget.
Result<void> Nothing(const Environment&, const net::GrpcCall&, WireWriter&) {
  return {};
}

Result<void> RegisterCuda(const Environment&, const net::GrpcCall& call, WireWriter&) {
  TRY(texts, ReadStrings<1>(call.message(), "CudaSharedMemoryRegisterRequest"));
  return v2::NoCudaMemory(texts[1]);
}

struct Row {
  std::string_view method;
  PlainMethod handle;
};

constexpr std::array kRows = {
    Row{"SystemSharedMemoryStatus", Status},         Row{"SystemSharedMemoryRegister", Register},
    Row{"SystemSharedMemoryUnregister", Unregister}, Row{"CudaSharedMemoryStatus", Nothing},
    Row{"CudaSharedMemoryRegister", RegisterCuda},   Row{"CudaSharedMemoryUnregister", Nothing},
};

}  // namespace

void AddSharedMemoryMethods(Environment& environment, net::GrpcService& service) {
  for (const Row& row : kRows)
    AddPlain(InferencePath(row.method), row.handle, environment, service);
}

}  // namespace slipway::gateway::grpc
