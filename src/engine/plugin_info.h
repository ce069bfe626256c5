// PluginInfo: a signature in the form of the plugin table.
#pragma once

#include <string>
#include <vector>

#include "engine/plugin.h"
#include "tensor/signature.h"

namespace slipway::engine {

// Owns everything that info() points to. Neither copied nor moved.
class PluginInfo {
 public:
  PluginInfo(tensor::Signature signature, bool completes_in_call, bool decoupled = false)
      : signature_(std::move(signature)) {
    Fill(signature_.inputs, inputs_);
    Fill(signature_.outputs, outputs_);
    info_ = {.inputs = inputs_.data(),
             .outputs = outputs_.data(),
             .input_count = static_cast<uint32_t>(inputs_.size()),
             .output_count = static_cast<uint32_t>(outputs_.size()),
             .completes_in_call = completes_in_call,
             .decoupled = decoupled};
  }
  PluginInfo(const PluginInfo&) = delete;
  PluginInfo& operator=(const PluginInfo&) = delete;

  const SlipwayModelInfo* info() const { return &info_; }
  const tensor::Signature& signature() const { return signature_; }

 private:
  void Fill(const std::vector<tensor::TensorSpec>& specs, std::vector<SlipwaySpec>& out) {
    for (const tensor::TensorSpec& spec : specs) {
      std::vector<const char*>& symbols = symbols_.emplace_back();
      for (size_t i = 0; i < spec.shape.rank(); ++i) {
        symbols.push_back(spec.symbols.empty() ? "" : spec.symbols[i].c_str());
      }
      out.push_back({.name = spec.name.c_str(),
                     .type = static_cast<uint32_t>(spec.type),
                     .rank = static_cast<uint32_t>(spec.shape.rank()),
                     .dims = spec.shape.dims().data(),
                     .symbols = symbols.data()});
    }
  }

  const tensor::Signature signature_;
  std::vector<SlipwaySpec> inputs_;
  std::vector<SlipwaySpec> outputs_;
  // The heap blocks of the inner vectors stay where they are when the outer one grows.
  std::vector<std::vector<const char*>> symbols_;
  SlipwayModelInfo info_{};
};

}  // namespace slipway::engine
