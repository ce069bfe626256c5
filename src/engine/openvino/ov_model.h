// OvModel: a model loaded by OpenVINO, and OvRun: one place where it runs, again and again.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <openvino/runtime/compiled_model.hpp>
#include <openvino/runtime/infer_request.hpp>

#include "engine/openvino/ov_types.h"
#include "engine/plugin_info.h"

namespace slipway::engine::ov_engine {

// Opens the library, which is never taken down. Once, before the first load.
Result<void> OpenLibrary(const SlipwayHost& host);
// What the library that is open computes on, with commas between the names.
std::string Devices();

class OvModel {
 public:
  // `path` names the file that marks the model: saved_model.pb stands for its folder, an IR's .xml
  // for its weights too. `threads` work on one run; as many runs as the cores have room for go at
  // the same time. 0: one run at a time has all cores.
  static Result<std::unique_ptr<OvModel>> Load(const SlipwayLoadOptions& options);

  ov::CompiledModel& compiled() { return compiled_; }
  const SlipwayModelInfo* info() const { return info_->info(); }

 private:
  OvModel() = default;

  ov::CompiledModel compiled_;
  std::unique_ptr<PluginInfo> info_;
};

// Not thread-safe but for Interrupt.
class OvRun {
 public:
  static Result<std::unique_ptr<OvRun>> Open(OvModel& model);

  // Ends with exactly one call of run->complete.
  void Start(SlipwayRun* run);
  void Interrupt();

 private:
  // The host's memory that an input was bound to last.
  struct Bound {
    const void* data = nullptr;
    std::vector<int64_t> dims;
  };

  Result<void> Execute(SlipwayRun* run);
  void BindInput(const SlipwayTensor& input);

  ov::InferRequest request_;
  std::vector<Bound> inputs_;
};

}  // namespace slipway::engine::ov_engine
