// SharedTensor: inputs and outputs of a request that lie in shared memory.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "gateway/shared_memory.h"
#include "gateway/v2/infer_request.h"

namespace slipway::gateway::v2 {

// UNIMPLEMENTED / SHARED_MEMORY_UNSUPPORTED.
Error NoSharedMemory();

// The parameters of one tensor that say where it lies, as they are read.
struct SharedParameters {
  std::optional<std::string_view> region;
  std::optional<uint64_t> byte_size;
  uint64_t offset = 0;

  // Whether the tensor lies in shared memory.
  explicit operator bool() const { return region || byte_size; }
  // INVALID_ARGUMENT / SHARED_PARAMETERS where one of both is missing.
  Result<SharedPlace> Place(std::string_view tensor) const;
};
inline constexpr std::string_view kSharedPrefix = "shared_memory_";
inline constexpr std::string_view kSharedRegion = "shared_memory_region";
inline constexpr std::string_view kSharedByteSize = "shared_memory_byte_size";
inline constexpr std::string_view kSharedOffset = "shared_memory_offset";

// The output that was wanted last is to lie there. INVALID_ARGUMENT / SHARED_PARAMETERS, also where
// classes of it are wanted.
Result<void> WantShared(const SharedParameters& shared, std::string_view name,
                        InferRequest& request);

// Reads the inputs that lie in shared memory and finds the regions of outputs that will; `request`
// is read otherwise. Bytes of all inputs together: kMaxInferBodyBytes. UNIMPLEMENTED /
// SHARED_MEMORY_UNSUPPORTED without `memory`; the errors of regions, and of ReadBinary.
Result<void> TakeSharedInputs(const SharedMemory* memory, const ModelFace& model,
                              InferRequest& request);
// Writes the outputs that are to lie there. INVALID_ARGUMENT / SHARED_OUTPUT_SIZE where they do not
// fit.
Result<void> GiveSharedOutputs(const ModelFace& model, const InferRequest& request,
                               std::span<const tensor::Tensor> outputs);

}  // namespace slipway::gateway::v2
