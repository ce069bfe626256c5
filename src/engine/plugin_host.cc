#include "engine/plugin_host.h"

#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "async/core_pool.h"
#include "async/guarded.h"
#include "base/build_info.h"
#include "base/log.h"
#include "engine/plugin_model.h"
#include "engine/program_host.h"
#include "engine/worker/model.h"

namespace slipway::engine {
namespace {

struct Row {
  std::string_view format;
  std::string_view engine;
};
constexpr std::array kEngines = {
    Row{"onnx", "onnxruntime"}, Row{"savedmodel", "openvino"}, Row{"graphdef", "openvino"},
    Row{"tflite", "openvino"},  Row{"openvino", "openvino"},   Row{"paddle", "openvino"},
    Row{"fake", "fake"},        Row{"torchscript", "torch"},   Row{"pytorch", "torch"},
};

// Formats that python/worker.py opens.
constexpr std::array kPythonFormats = {
    std::string_view("python"),  std::string_view("pickle"), std::string_view("joblib"),
    std::string_view("xgboost"), std::string_view("mlflow"),
};

std::string PythonInterpreter() {
  const char* const named = std::getenv("SLIPWAY_PYTHON");  // NOLINT(concurrency-mt-unsafe)
  return named == nullptr || *named == 0 ? "python3" : named;
}

// What an interpreter needs beside the system's folders: its own tree, and the one that its name
// leads to.
std::vector<std::string> TreesOf(const std::string& interpreter) {
  namespace fs = std::filesystem;
  std::vector<std::string> trees;
  if (!interpreter.starts_with('/')) return trees;
  std::error_code error;
  for (fs::path path = interpreter; trees.size() < 8;
       path = path.parent_path() / fs::read_symlink(path, error)) {
    trees.push_back(path.parent_path().parent_path().lexically_normal().native());
    if (!fs::is_symlink(path, error)) break;
  }
  return trees;
}

worker::WorkerOptions OptionsOf(const ModelSource& source, const std::string& folder) {
  worker::WorkerOptions options{.name = source.name,
                                .load = {.threads = source.threads,
                                         .gpu = source.gpu ? source.gpu->ordinal : -1,
                                         .format = source.format,
                                         .path = source.path,
                                         .plugins = folder},
                                .command = {},
                                .readable = {},
                                .program = {},
                                .changed = source.changed,
                                .stop = source.stop};
  if (!IsCustomCode(source.format)) return options;
  const std::string interpreter = PythonInterpreter();
  const std::string scripts = folder + "/python";
  options.process_for_each_run = true;
  options.command = {interpreter, "-u", "-B", scripts + "/worker.py"};
  options.readable = TreesOf(interpreter);
  // The file beside it is one too where links lead to the source.
  std::error_code error;
  options.readable.push_back(std::filesystem::canonical(scripts, error).native());
  options.readable.push_back(std::filesystem::path(source.path).parent_path().native());
  for (const MountedFolder& mount : source.mounts) {
    options.command.push_back(mount.name + "=" + mount.path);
    options.readable.push_back(mount.path);
  }
  return options;
}

void LogFromPlugin(uint32_t level, const char* message) {
  Log(static_cast<LogLevel>(std::min(level, 3u)), "engine says", {{"text", message}});
}

const SlipwayHost& Host() {
  static const SlipwayHost host{.log = LogFromPlugin,
                                .cores = static_cast<uint32_t>(AvailableCores())};
  return host;
}

Result<const SlipwayEngine*> OpenPlugin(const std::string& path) {
  if (!std::filesystem::exists(path)) {
    // The only engine that is built when it is asked for.
    if (path.ends_with("/engine_torch.so")) {
      return Unavailable("ENGINE_MISSING",
                         "this build has no engine for TorchScript: `make torch` builds it");
    }
    return Unavailable("ENGINE_MISSING", "the engine " + path +
                                             " is not there: install it, or name its folder with "
                                             "SLIPWAY_PLUGIN_DIR");
  }
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr) {
    return Unavailable("ENGINE_MISSING", std::string("cannot open an engine: ") + dlerror());
  }
  const auto entry = reinterpret_cast<SlipwayEngineEntry>(dlsym(library, SLIPWAY_ENGINE_SYMBOL));
  if (entry == nullptr) {
    return FailedPrecondition("ENGINE_BUILD", path + " is no engine of Slipway");
  }
  const SlipwayEngine* engine = entry();
  TRY_VOID(CheckBuild(*engine, path));
  SlipwayError error{};
  if (engine->open(&Host(), &error) != 0) return FromPlugin(error);
  return engine;
}

// What was opened in this process, by path: engines keep state of their own, so that there is one
// of each, however many hosts there are. Failures are tried again.
Guarded<std::map<std::string, const SlipwayEngine*>>& OpenEngines() {
  static auto* engines = new Guarded<std::map<std::string, const SlipwayEngine*>>();
  return *engines;
}

}  // namespace

std::string DefaultPluginFolder() {
  if (const char* folder = std::getenv("SLIPWAY_PLUGIN_DIR"); folder != nullptr) return folder;
  std::array<char, PATH_MAX> program{};
  const ssize_t size = readlink("/proc/self/exe", program.data(), program.size());
  CHECK(size > 0);
  const std::filesystem::path path(std::string_view(program.data(), static_cast<size_t>(size)));
  return (path.parent_path().parent_path() / "lib" / "slipway").native();
}

std::vector<std::string_view> SupportedFormats() {
  std::vector<std::string_view> formats;
  for (const Row& row : kEngines) formats.push_back(row.format);
  formats.insert(formats.end(), kPythonFormats.begin(), kPythonFormats.end());
  return formats;
}

bool IsCustomCode(std::string_view format) {
  return std::find(kPythonFormats.begin(), kPythonFormats.end(), format) != kPythonFormats.end();
}

bool RunsElsewhere(std::string_view format, bool own_process) {
  return own_process || IsCustomCode(format) || IsProgram(format);
}

Result<void> CheckBuild(const SlipwayEngine& engine, std::string_view path) {
  if (engine.build_id == BuildId()) return {};
  return FailedPrecondition("ENGINE_BUILD", std::string(path) + " is of the build " +
                                                engine.build_id + ", this program of " +
                                                std::string(BuildId()) +
                                                ": install both from the same release");
}

Result<const SlipwayEngine*> PluginHost::EngineFor(std::string_view format) {
  for (const Row& row : kEngines) {
    if (row.format != format) continue;
    const std::string path = folder_ + "/engine_" + std::string(row.engine) + ".so";
    return OpenEngines().With([&](auto& engines) -> Result<const SlipwayEngine*> {
      const SlipwayEngine*& engine = engines[path];
      if (engine == nullptr) {
        TRY(opened, OpenPlugin(path));
        engine = opened;
      }
      return engine;
    });
  }
  std::string known;
  for (const Row& row : kEngines) known += (known.empty() ? "" : ", ") + std::string(row.format);
  return Unimplemented("FORMAT_UNSUPPORTED", "there is no engine for the model format '" +
                                                 std::string(format) + "'; there is one for " +
                                                 known);
}

Result<void> PluginHost::Prepare(std::string_view format) {
  TRY(engine, EngineFor(format));
  (void)engine;
  return {};
}

Result<std::string> PluginHost::Devices(std::string_view format) {
  TRY(engine, EngineFor(format));
  return std::string(engine->devices());
}

Result<std::unique_ptr<exec::Model>> PluginHost::Load(const ModelSource& source) {
  if (source.stop.stop_requested()) {
    return Error(Code::kCancelled, "LOAD_CANCELLED", "nobody wants the model any more");
  }
  if (RunsElsewhere(source.format, source.own_process)) {
    return worker::LoadInWorker(OptionsOf(source, folder_));
  }
  TRY(engine, EngineFor(source.format));
  return PluginModel::Load(*engine, source);
}

}  // namespace slipway::engine
