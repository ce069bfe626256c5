// PluginSession: a session behind a plugin table, as exec::Session.
#pragma once

#include <vector>

#include "engine/plugin.h"
#include "exec/model.h"

namespace slipway::engine {

// Gives outputs room ahead of the run where their shape is known, so that the engine need not
// allocate. Its arrays are used again for each run.
class PluginSession final : public exec::Session {
 public:
  // Takes over `session`; the signature outlives this.
  PluginSession(const SlipwayEngine& engine, SlipwaySession* session,
                const tensor::Signature& signature, uint32_t blame)
      : engine_(engine), session_(session), signature_(signature), blame_(blame) {}
  ~PluginSession() override { engine_.close_session(session_); }

  void Start(const exec::Run& run, exec::RunObserver& observer) override;
  void Interrupt() override { engine_.interrupt(session_); }

 private:
  static void Complete(SlipwayRun* raw, const SlipwayError* error, uint32_t last);
  void DescribeInputs();
  Result<void> PrepareOutputs();
  Result<void> TakeOutputs();

  const SlipwayEngine& engine_;
  SlipwaySession* const session_;
  const tensor::Signature& signature_;
  const uint32_t blame_;  // the model's number on the BlamePage
  // Of the run under way.
  exec::Run run_;
  exec::RunObserver* observer_ = nullptr;
  SlipwayRun raw_{};
  std::vector<SlipwayTensor> inputs_;
  std::vector<SlipwayTensor> outputs_;
  std::vector<SlipwayString> strings_;
};

}  // namespace slipway::engine
