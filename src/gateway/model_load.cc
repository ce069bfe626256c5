#include "gateway/model_load.h"

#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "engine/accelerator.h"
#include "engine/program_host.h"
#include "gateway/ensemble/ensemble_model.h"
#include "gateway/model_config/describe.h"
#include "gateway/warm_up.h"

namespace slipway::gateway {
namespace {

using Loaded = Result<std::unique_ptr<engine::LoadedModel>>;

// Engines say what they like of a file that is not there.
Result<void> CheckThere(const std::string& path) {
  if (access(path.c_str(), F_OK) == 0 || errno != ENOENT) return {};
  return NotFound(
      "MODEL_FILE_MISSING",
      "the model's file " + std::filesystem::path(path).filename().native() + " is not there");
}

Result<std::unique_ptr<exec::Model>> Start(const runtime::ServingProgram& program,
                                           const engine::ModelSource& source) {
  return engine::LoadProgram({.name = source.name,
                              .folder = program.path,
                              .command = program.command,
                              .ready_path = program.ready_path,
                              .speaks_http = engine::SpeaksHttp(program.kind),
                              .start_timeout_ms = program.start_timeout_ms,
                              .mounts = source.mounts,
                              .changed = source.changed,
                              .stop = source.stop});
}

Loaded LoadOnGpu(engine::PluginHost& host, engine::ModelSource source) {
  TRY(gpu, engine::ChooseGpu(host, source.format));
  source.gpu = std::move(gpu);
  return engine::LoadedModel::Load(host, source);
}

Loaded Load(engine::PluginHost& host, const std::string& accelerator,
            const engine::ModelSource& source) {
  if (accelerator == "cpu") return engine::LoadedModel::Load(host, source);
  Loaded on_gpu = LoadOnGpu(host, source);
  if (on_gpu.has_value() || accelerator == "gpu" || source.stop.stop_requested()) return on_gpu;
  // A model that no processor can load either has an error of its own.
  TRY(model, engine::LoadedModel::Load(host, source));
  model->Note(on_gpu.error());
  return std::move(model);
}

Loaded LoadAny(engine::PluginHost& host, const runtime::ServingRevision& settings,
               const engine::ModelSource& source) {
  if (!settings.program || !engine::IsProgram(settings.format)) {
    TRY_VOID(CheckThere(source.path));
    return Load(host, settings.accelerator, source);
  }
  // A run with zeros would not tell what one costs in another process, and need not be good input.
  TRY(model, Start(*settings.program, source));
  return std::make_unique<engine::LoadedModel>(std::move(model));
}

}  // namespace

Result<std::unique_ptr<engine::LoadedModel>> LoadModel(engine::PluginHost& host,
                                                       const runtime::ServingRevision& settings,
                                                       const engine::ModelSource& source) {
  TRY(config, model_config::ConfigOf(settings));
  if (settings.format == kEnsemble) {
    TRY(plan, ReadEnsemblePlan(config));
    return std::make_unique<engine::LoadedModel>(std::make_unique<EnsembleModel>(std::move(plan)));
  }
  TRY(model, LoadAny(host, settings, source));
  TRY_VOID(model_config::CheckAgainst(config, model->signature()));
  TRY_VOID(WarmUp(*model, settings, source.stop));
  return std::move(model);
}

}  // namespace slipway::gateway
