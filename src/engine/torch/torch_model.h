// TorchModel: a TorchScript model loaded by libtorch, and TorchRun: one place where it runs.
//
// No header of libtorch is included here: torch_model.cc is the one unit that does.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "engine/plugin_info.h"

namespace slipway::engine::torch_engine {

// Sets the library up. Once, before the first load.
Result<void> OpenLibrary(const SlipwayHost& host);
// What the library computes on.
std::string Devices();

class TorchModel {
 public:
  struct Parts;  // of libtorch

  // Types and shapes are those that model.yaml or model.json states, beside the file or among the
  // archive's extra files. `threads` work on one run, one where it is 0. Code that reads or writes
  // files is refused before any of it runs: INVALID_ARGUMENT / MODEL_UNSAFE.
  static Result<std::unique_ptr<TorchModel>> Load(const SlipwayLoadOptions& options);
  ~TorchModel();
  TorchModel(const TorchModel&) = delete;
  TorchModel& operator=(const TorchModel&) = delete;

  Parts& parts() { return *parts_; }
  const SlipwayModelInfo* info() const { return info_->info(); }
  const tensor::Signature& signature() const { return info_->signature(); }

 private:
  TorchModel();

  std::unique_ptr<Parts> parts_;
  std::unique_ptr<PluginInfo> info_;
};

// Has attributes of its own, so that runs at the same time do not see each other's; weights are
// shared. Not thread-safe but for Interrupt.
class TorchRun {
 public:
  struct Parts;

  static Result<std::unique_ptr<TorchRun>> Open(TorchModel& model);
  ~TorchRun();
  TorchRun(const TorchRun&) = delete;
  TorchRun& operator=(const TorchRun&) = delete;

  // Ends with exactly one call of run->complete.
  void Start(SlipwayRun* run);
  // libtorch has no way to end a run early: it goes on to its end.
  void Interrupt() {}

 private:
  TorchRun();

  Result<void> Execute(SlipwayRun* run);

  std::unique_ptr<Parts> parts_;
};

}  // namespace slipway::engine::torch_engine
