// PluginModel: a model behind a plugin table, as exec::Model.
#pragma once

#include <memory>
#include <string_view>

#include "engine/plugin.h"
#include "engine/plugin_host.h"
#include "exec/model.h"

namespace slipway::engine {

// The error that a plugin filled in.
Error FromPlugin(const SlipwayError& error);

class PluginModel final : public exec::Model {
 public:
  static Result<std::unique_ptr<exec::Model>> Load(const SlipwayEngine& engine,
                                                   const ModelSource& source);
  ~PluginModel() override;

  const tensor::Signature& signature() const override { return signature_; }
  std::string_view platform() const override { return engine_.platform; }
  bool completes_in_call() const override { return completes_in_call_; }
  bool decoupled() const override { return decoupled_; }
  Result<std::unique_ptr<exec::Session>> OpenSession() override;

 private:
  PluginModel(const SlipwayEngine& engine, SlipwayModel* model, const std::string& uid);

  const SlipwayEngine& engine_;
  const uint32_t blame_;  // its number on the BlamePage
  SlipwayModel* const model_;
  tensor::Signature signature_;
  bool completes_in_call_ = false;
  bool decoupled_ = false;
};

}  // namespace slipway::engine
