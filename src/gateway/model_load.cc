#include "gateway/model_load.h"

#include <optional>
#include <utility>

#include "engine/accelerator.h"
#include "gateway/model_config/describe.h"
#include "gateway/warm_up.h"

namespace slipway::gateway {

Result<std::unique_ptr<engine::LoadedModel>> LoadModel(engine::PluginHost& host,
                                                       const runtime::ServingRevision& settings,
                                                       const engine::ModelSource& source) {
  TRY(config, model_config::ConfigOf(settings));
  std::optional<Error> problem;
  if (settings.accelerator != "cpu") problem = engine::GpuProblem(host, settings.format);
  if (problem && settings.accelerator == "gpu") return *std::move(problem);
  TRY(model, engine::LoadedModel::Load(host, source));
  TRY_VOID(model_config::CheckAgainst(config, model->signature()));
  TRY_VOID(WarmUp(*model, settings));
  if (problem) model->Note(*std::move(problem));
  return std::move(model);
}

}  // namespace slipway::gateway
