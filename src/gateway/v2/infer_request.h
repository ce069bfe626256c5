// InferRequest: one inference of the V2 protocol, read.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/request_memory.h"
#include "tensor/buffer.h"
#include "tensor/signature.h"
#include "tensor/tensor.h"

namespace slipway::gateway {
class SharedRegion;
}

namespace slipway::gateway::v2 {

// Bytes behind a body that its readers may read (and ignore).
inline constexpr size_t kBodyPadding = 64;

// What the reader must know of the model that a request is for.
struct ModelFace {
  std::string_view name;
  const tensor::Signature& signature;
};

// How one output is answered.
struct OutputForm {
  bool binary = false;   // as bytes behind the JSON; messages of gRPC are always so
  uint32_t classes = 0;  // of this many largest values, as strings; 0: the output as it is
};

// Where a tensor lies in a region of shared memory.
struct SharedPlace {
  std::string region;
  uint64_t offset = 0;
  uint64_t byte_size = 0;
};

struct SharedInput {
  size_t position = 0;  // in the signature
  tensor::Shape shape;
  SharedPlace place;
};

struct SharedOutput {
  size_t number = 0;  // among those that are wanted
  SharedPlace place;
  std::shared_ptr<const SharedRegion> region;  // once it is found
};

// Used again and again: the tensors keep their memory.
struct InferRequest {
  std::optional<std::string> id;
  // The parameters of these names, where they are not 0.
  std::optional<std::chrono::microseconds> timeout;
  uint64_t priority = 0;
  // How long the caller waits for the answer, as the transport tells.
  std::optional<std::chrono::microseconds> time_left;
  // One for each input of the signature, in its order.
  std::vector<tensor::Tensor> inputs;
  // Positions of the outputs to answer with, in the order of the answer, and the form of each.
  std::vector<uint32_t> wanted;
  std::vector<OutputForm> forms;
  // Where tensors are accounted for before they are allocated; may be null.
  MemoryHold* memory = nullptr;
  // Tensors that are not in the message, and the copies of such inputs.
  std::vector<SharedInput> shared_inputs;
  std::vector<SharedOutput> shared_outputs;
  std::vector<tensor::AlignedBuffer> shared_bytes;

  // Ready to be read anew.
  void Clear(const tensor::Signature& signature) {
    id.reset();
    timeout.reset();
    priority = 0;
    time_left.reset();
    inputs.resize(signature.inputs.size());
    wanted.clear();
    forms.clear();
    DropShared();
  }
  // What lies in shared memory is not used any more.
  void DropShared() {
    shared_inputs.clear();
    shared_outputs.clear();
    shared_bytes.clear();
  }
  // nullptr: the output is in the message.
  const SharedOutput* SharedOf(size_t number) const {
    for (const SharedOutput& output : shared_outputs) {
      if (output.number == number) return &output;
    }
    return nullptr;
  }
  // Before a tensor of this type and shape gets memory. RESOURCE_EXHAUSTED / BODIES_TOO_MANY.
  Result<void> Hold(tensor::DataType type, const tensor::Shape& shape) {
    if (memory == nullptr) return {};
    TRY(count, shape.ElementCount());
    const bool strings = type == tensor::DataType::kBytes;
    return memory->Take(count * (strings ? kStringBytes : ElementSize(type)));
  }
  void Want(uint32_t output, OutputForm form) {
    wanted.push_back(output);
    forms.push_back(form);
  }
  void WantAll(const tensor::Signature& signature, OutputForm form) {
    for (uint32_t i = 0; i < signature.outputs.size(); ++i) Want(i, form);
  }
};

}  // namespace slipway::gateway::v2
