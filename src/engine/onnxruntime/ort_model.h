// OrtModel: a loaded ONNX model.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/onnxruntime/ort_api.h"
#include "engine/plugin_info.h"

namespace slipway::engine::ort {

// The environment of the process: logging goes to the host, and one pool of threads, as many as
// there are cores, serves all models that do not ask for threads of their own. The threads sleep
// when they have nothing to do. Once, before the first load.
Result<void> OpenEnvironment(const SlipwayHost& host);
// What the library that is open computes on: its providers, with commas between them.
std::string Devices();

class OrtModel {
 public:
  // `threads` of its own that work on one run; 0: the shared pool. On a GPU what it cannot compute
  // stays on the processor. FAILED_PRECONDITION / GPU_UNUSABLE where a library for GPUs is missing,
  // RESOURCE_EXHAUSTED / GPU_MEMORY where the GPU has too little memory left.
  static Result<std::unique_ptr<OrtModel>> Load(const SlipwayLoadOptions& wanted);

  OrtSession* session() const { return session_.get(); }
  const SlipwayModelInfo* info() const { return info_->info(); }
  const tensor::Signature& signature() const { return info_->signature(); }
  // All of it computes where the host's memory is.
  bool on_host() const { return on_host_; }
  // Names in the order of the signature, as Run wants them.
  const std::vector<const char*>& input_names() const { return input_names_; }
  const std::vector<const char*>& output_names() const { return output_names_; }

 private:
  OrtModel() = default;

  SessionPtr session_;
  bool on_host_ = true;
  std::unique_ptr<PluginInfo> info_;
  std::vector<const char*> input_names_;
  std::vector<const char*> output_names_;
};

}  // namespace slipway::engine::ort
