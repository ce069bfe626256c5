// ModelLoad: from the settings of a revision to a model that is ready to be asked.
#pragma once

#include <memory>

#include "base/result.h"
#include "engine/loaded_model.h"
#include "engine/plugin_host.h"
#include "runtime/serving_config.h"

namespace slipway::gateway {

// The model of `source`, loaded and warmed up, if it fits the configuration that came with it and
// can have what it wants to compute on; NOT_FOUND / MODEL_FILE_MISSING. Its note says so where it
// does without. An ensemble is its configuration, and whether it fits its models is not looked at
// here. Blocks. Errors: those of ReadEnsemblePlan, engine::LoadProgram, engine::LoadedModel::Load,
// WarmUp, engine::ChooseGpu, model_config::CheckAgainst. After source.stop it ends early, with any
// error.
Result<std::unique_ptr<engine::LoadedModel>> LoadModel(engine::PluginHost& host,
                                                       const runtime::ServingRevision& settings,
                                                       const engine::ModelSource& source);

}  // namespace slipway::gateway
