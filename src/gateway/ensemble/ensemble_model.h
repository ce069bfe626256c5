// EnsembleModel: an ensemble behind the interface of models, for those who ask what it takes.
#pragma once

#include <memory>
#include <utility>

#include "engine/loaded_model.h"
#include "exec/model.h"
#include "gateway/ensemble/ensemble_plan.h"

namespace slipway::gateway {

// It has no sessions: EnsembleRun runs it.
class EnsembleModel final : public exec::Model {
 public:
  explicit EnsembleModel(EnsemblePlan plan) : plan_(std::move(plan)) {}

  const EnsemblePlan& plan() const { return plan_; }
  const tensor::Signature& signature() const override { return plan_.signature; }
  std::string_view platform() const override { return kEnsemble; }
  bool completes_in_call() const override { return false; }
  Result<std::unique_ptr<exec::Session>> OpenSession() override {
    return Unimplemented("ENSEMBLE_SESSION", "an ensemble runs in the sessions of its models");
  }

 private:
  const EnsemblePlan plan_;
};

}  // namespace slipway::gateway
