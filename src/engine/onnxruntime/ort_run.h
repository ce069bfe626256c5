// OrtRun: one place where a model runs, again and again.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "engine/onnxruntime/ort_model.h"
#include "engine/plugin.h"

namespace slipway::engine::ort {

// Keeps the library's views of the host's memory: a host that comes with the same buffers and
// shapes as the last time pays for no new ones. Not thread-safe but for Interrupt.
class OrtRun {
 public:
  static Result<std::unique_ptr<OrtRun>> Open(const OrtModel& model);

  // Ends with exactly one call of run->complete.
  void Start(SlipwayRun* run);
  void Interrupt();

 private:
  // A value over memory of the host.
  struct Bound {
    const void* data = nullptr;
    std::vector<int64_t> dims;
    ValuePtr value;
    bool is_bound = false;  // binding_ has this one
  };

  explicit OrtRun(const OrtModel& model) : model_(model) {}

  Result<void> Execute(SlipwayRun* run);
  Result<void> BindInputs(const SlipwayRun* run);
  Result<void> BindOutputs(const SlipwayRun* run);
  Result<void> CallLibrary(const SlipwayRun* run);
  bool CanBind(const SlipwayRun* run) const;
  // Brings the binding up to date.
  Result<void> Bind(const SlipwayRun* run);
  Result<void> TakeOutputs(SlipwayRun* run);
  Result<OrtValue*> View(Bound& bound, const SlipwayTensor& tensor);
  bool IsPrepared(const SlipwayTensor& output) const;

  const OrtModel& model_;
  RunOptionsPtr options_;
  MemoryInfoPtr host_memory_;
  std::vector<Bound> inputs_;   // by position in the signature
  std::vector<Bound> outputs_;  // likewise
  // An output whose shape was once another one than the host had foreseen: from then on the library
  // gives the memory.
  std::vector<bool> unforeseen_;
  // Names and values as the library has found them, for runs with the same ones: a tenth of the
  // cost of a small model.
  IoBindingPtr binding_;
  std::vector<uint32_t> bound_outputs_;  // positions in the signature
  // Of the run under way.
  std::vector<const OrtValue*> input_values_;
  std::vector<const char*> wanted_names_;
  std::vector<OrtValue*> output_values_;
  std::vector<bool> prepared_;
};

}  // namespace slipway::engine::ort
