#include "gateway/v2/shared_tensor.h"

#include "gateway/limits.h"
#include "gateway/v2/binary_tensor.h"

namespace slipway::gateway::v2 {
namespace {

Result<void> TakeInput(const SharedMemory& memory, const ModelFace& model, const SharedInput& input,
                       InferRequest& request) {
  const tensor::TensorSpec& spec = model.signature.inputs[input.position];
  TRY(region, memory.Find(input.place.region));
  TRY_VOID(region->CheckRange(input.place.offset, input.place.byte_size));
  if (request.memory != nullptr) TRY_VOID(request.memory->Take(input.place.byte_size));
  tensor::AlignedBuffer& bytes = request.shared_bytes.emplace_back();
  if (!bytes.Reserve(input.place.byte_size)) {
    return ResourceExhausted("TENSOR_MEMORY", "no memory for input '" + spec.name + "' of " +
                                                  std::to_string(input.place.byte_size) + " bytes");
  }
  char* begin = reinterpret_cast<char*>(bytes.data());
  TRY_VOID(region->Read(input.place.offset, input.place.byte_size, begin));
  return ReadBinary(spec.name, spec.type, input.shape, {begin, input.place.byte_size},
                    request.inputs[input.position]);
}

}  // namespace

Error NoSharedMemory() {
  return Unimplemented("SHARED_MEMORY_UNSUPPORTED",
                       "this server takes no shared memory: send the tensors in the request, or "
                       "start `slipway serve` with --shared-memory");
}

Result<SharedPlace> SharedParameters::Place(std::string_view tensor) const {
  if (region && byte_size) {
    return SharedPlace{.region = std::string(*region), .offset = offset, .byte_size = *byte_size};
  }
  return InvalidArgument("SHARED_PARAMETERS",
                         "'" + std::string(tensor) +
                             "' lies in shared memory: both shared_memory_region and "
                             "shared_memory_byte_size are wanted");
}

Result<void> WantShared(const SharedParameters& shared, std::string_view name,
                        InferRequest& request) {
  if (request.forms.back().classes > 0) {
    return InvalidArgument(
        "SHARED_PARAMETERS",
        "shared memory can't be set on '" + std::string(name) + "' if classification is requested");
  }
  TRY(place, shared.Place(name));
  request.shared_outputs.push_back(
      {.number = request.wanted.size() - 1, .place = std::move(place), .region = nullptr});
  return {};
}

Result<void> TakeSharedInputs(const SharedMemory* memory, const ModelFace& model,
                              InferRequest& request) {
  if (request.shared_inputs.empty() && request.shared_outputs.empty()) [[likely]] {
    return {};
  }
  if (memory == nullptr) return NoSharedMemory();
  uint64_t left = kMaxInferBodyBytes;
  for (const SharedInput& input : request.shared_inputs) {
    if (input.place.byte_size > left) {
      return InvalidArgument("SHARED_TOO_LARGE",
                             "the inputs in shared memory have more than " +
                                 std::to_string(kMaxInferBodyBytes) +
                                 " bytes together, the most that one request may have");
    }
    left -= input.place.byte_size;
    TRY_VOID(TakeInput(*memory, model, input, request));
  }
  for (SharedOutput& output : request.shared_outputs) {
    TRY(region, memory->Find(output.place.region));
    TRY_VOID(region->CheckRange(output.place.offset, output.place.byte_size));
    output.region = std::move(region);
  }
  return {};
}

Result<void> GiveSharedOutputs(const ModelFace& model, const InferRequest& request,
                               std::span<const tensor::Tensor> outputs) {
  for (const SharedOutput& output : request.shared_outputs) {
    const tensor::Tensor& tensor = outputs[output.number];
    const uint64_t size = BinarySize(tensor);
    if (size > output.place.byte_size) {
      return InvalidArgument("SHARED_OUTPUT_SIZE",
                             "shared memory size specified with the request for output '" +
                                 model.signature.outputs[request.wanted[output.number]].name +
                                 "' (" + std::to_string(output.place.byte_size) +
                                 " bytes) should be at least " + std::to_string(size) +
                                 " bytes to hold the results");
    }
    if (tensor.type() == tensor::DataType::kBytes) {
      std::string bytes;
      AppendBinary(tensor, bytes);
      TRY_VOID(output.region->Write(output.place.offset, bytes));
    } else {
      TRY_VOID(output.region->Write(output.place.offset,
                                    {reinterpret_cast<const char*>(tensor.data()), size}));
    }
  }
  return {};
}

}  // namespace slipway::gateway::v2
