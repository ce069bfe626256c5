// PluginHost: opens engine plugins and loads models with them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/gpu.h"
#include "engine/plugin.h"
#include "exec/model.h"

namespace slipway::engine {

// $SLIPWAY_PLUGIN_DIR, or ../lib/slipway seen from the folder of the running program.
std::string DefaultPluginFolder();

// Model formats that have an engine: "onnx", "tflite", ...
std::vector<std::string_view> SupportedFormats();

// Whether a model of this format is code of its maker's: it runs in a process of its own, whatever
// its source says, confined, and one run at a time unless somebody says otherwise.
bool IsCustomCode(std::string_view format);

// Whether a model of this format runs in another process than this one: where `own_process` says
// so, and custom code and programs always.
bool RunsElsewhere(std::string_view format, bool own_process);

// A model that code of its maker's is given, to be read.
struct MountedFolder {
  std::string name;
  std::string path;  // absolute
};

struct ModelSource {
  std::string format;
  std::string path;             // of the model's file, absolute
  uint32_t threads = 0;         // that work on one run; 0: chosen
  std::optional<Gpu> gpu = {};  // that computes; nothing: the processor
  std::string uid = {};         // of the revision, for BlamePage; empty: it is never blamed
  // In a process of its own, whose end harms nobody else.
  bool own_process = false;
  bool on_demand = false;              // LoadedModel::Unload is to be possible
  std::string name = {};               // of that process, for people
  std::function<void()> changed = {};  // exec::Model::process() tells something else; any thread
  std::vector<MountedFolder> mounts = {};  // where the format is custom code
  // Nobody wants the model any more: its process is not waited for, nor are runs of its warm-up.
  std::stop_token stop = {};
};

// A plugin is opened when it is first needed and never closed. Thread-safe; all calls block.
class PluginHost {
 public:
  explicit PluginHost(std::string folder = DefaultPluginFolder()) : folder_(std::move(folder)) {}

  // Opens the engine of a format ahead of the first load. Engines make threads of their own here,
  // which keep the niceness of the caller. UNIMPLEMENTED / FORMAT_UNSUPPORTED,
  // UNAVAILABLE / ENGINE_MISSING, FAILED_PRECONDITION / ENGINE_BUILD for a plugin of another build.
  Result<void> Prepare(std::string_view format);

  // What the engine of a format computes on: "CPU", or several with commas, "CUDA" for GPUs. Opens
  // it here. Errors: those of Prepare.
  Result<std::string> Devices(std::string_view format);

  // Errors: those of Prepare, and what the engine says: MODEL_INVALID, MODEL_KIND, ...; CANCELLED /
  // LOAD_CANCELLED after source.stop.
  Result<std::unique_ptr<exec::Model>> Load(const ModelSource& source);

 private:
  Result<const SlipwayEngine*> EngineFor(std::string_view format);

  const std::string folder_;
};

// Whether a table comes from this build. Its own function so that a test can bring another one.
Result<void> CheckBuild(const SlipwayEngine& engine, std::string_view path);

}  // namespace slipway::engine
