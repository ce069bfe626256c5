// The config.pbtxt of a model that is laid out for an external Triton, from what is known of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "tensor/signature.h"

namespace slipway::engine::program {

struct TritonModel {
  std::string name;
  std::string_view runner;                     // the line of what runs it: backend: "python"
  std::optional<tensor::Signature> signature;  // nothing: Triton finds out itself
  uint32_t max_batch_size = 0;  // of more than 0, the first dimension of all tensors is the batch's
};

// What a model.yaml says: its signature, and `extensions.triton.maxBatchSize`. The model is as it
// was where there is no signature, and after an error: INVALID_ARGUMENT / SIGNATURE_INVALID, with
// the member, also for what Triton has no form for.
Result<void> TakeStatement(std::string_view file, std::string_view text, TritonModel& model);

// The same of the model.yaml in the folder, if there is one. Nothing is taken of one that is wrong
// or not complete; the log says why.
void AddStatement(const std::filesystem::path& folder, TritonModel& model);

// The text format of protocol buffers. Pure.
std::string TritonConfig(const TritonModel& model);

}  // namespace slipway::engine::program
