#include "engine/onnxruntime/ort_model.h"

#include <onnxruntime_session_options_config_keys.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <new>
#include <optional>
#include <string>
#include <string_view>

#include "engine/onnxruntime/ort_types.h"
#include "engine/onnxruntime/run_memory.h"

namespace slipway::engine::ort {
namespace {

// Lives as long as the process: the library must not be taken down under threads that use it.
OrtEnv* environment = nullptr;

void ORT_API_CALL LogToHost(void* host, OrtLoggingLevel severity, const char*, const char*,
                            const char*, const char* message) {
  const auto level = static_cast<uint32_t>(severity);
  const uint32_t ours = level == 0 ? 0 : std::min<uint32_t>(level - 1, 3);
  static_cast<const SlipwayHost*>(host)->log(ours, message);
}

// Whether weights of the model are in files beside it: then their entries in the model's file say
// where (external_data of TensorProto, onnx.proto3), and the file is small.
bool HasWeightsOutside(const std::string& path) {
  constexpr std::string_view kEntry = "\x0a\x08location";  // field 1, 8 bytes
  constexpr std::streamsize kLargest = std::streamsize{128} << 20;
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file || file.tellg() > kLargest) return false;
  std::string content(static_cast<size_t>(file.tellg()), '\0');
  file.seekg(0);
  file.read(content.data(), static_cast<std::streamsize>(content.size()));
  return file && content.find(kEntry) != std::string::npos;
}

// Adds the provider that computes on the GPU with this ordinal.
Result<void> UseGpu(OrtSessionOptions* options, int32_t gpu) {
  OpenCudaLibraries();
  const OrtApi& api = Api();
  const std::string device = std::to_string(gpu);
  const std::array keys = {"device_id", "arena_extend_strategy", "cudnn_conv_algo_search",
                           "use_tf32"};
  // Memory as it is needed, not in powers of two. The search that measures every algorithm would
  // stop the service at each new shape of an input. And numbers of single precision, as the
  // processor has them.
  const std::array values = {device.c_str(), "kSameAsRequested", "HEURISTIC", "0"};
  CudaOptionsPtr cuda;
  TRY_VOID(Check(api.CreateCUDAProviderOptions(Out(cuda)), Step::kLoad));
  TRY_VOID(Check(api.UpdateCUDAProviderOptions(cuda.get(), keys.data(), values.data(), keys.size()),
                 Step::kLoad));
  return Check(api.SessionOptionsAppendExecutionProvider_CUDA_V2(options, cuda.get()), Step::kLoad);
}

// Of a library that could not be opened the loader's words alone.
Error GpuUnusable(const Error& cause) {
  constexpr std::string_view kBefore = " with error: ";
  const size_t at = cause.message().find(kBefore);
  return FailedPrecondition(
      "GPU_UNUSABLE", "the GPU cannot be used: " +
                          (at == std::string::npos ? cause.message()
                                                   : cause.message().substr(at + kBefore.size())));
}

// The library has no code of its own for it. Its words for CUDA's errors stand between the names of
// its functions, and end with a semicolon.
std::optional<Error> OutOfGpuMemory(const Error& error, const std::filesystem::path& path) {
  const std::string_view text = error.message();
  for (const std::string_view words :
       {"CUDA failure 2: out of memory", "Failed to allocate memory", "ALLOC_FAILED"}) {
    const size_t begin = text.find(words);
    if (begin == std::string_view::npos) continue;
    const std::string_view cause = text.substr(begin, text.find(" ;", begin) - begin);
    return Error(Code::kResourceExhausted, "GPU_MEMORY",
                 "the GPU has too little memory left for " + path.filename().native() + ": " +
                     std::string(cause));
  }
  return std::nullopt;
}

Result<SessionOptionsPtr> MakeOptions(const SlipwayLoadOptions& wanted) {
  const OrtApi& api = Api();
  const uint32_t threads = wanted.threads;
  SessionOptionsPtr options;
  TRY_VOID(Check(api.CreateSessionOptions(Out(options)), Step::kLoad));
  // Memory is that of OpenEnvironment.
  TRY_VOID(Check(api.DisableCpuMemArena(options.get()), Step::kLoad));
  TRY_VOID(
      Check(api.AddSessionConfigEntry(options.get(), kOrtSessionOptionsConfigUseEnvAllocators, "1"),
            Step::kLoad));
  if (HasWeightsOutside(wanted.path)) {
    // The library maps such files, and another instance of the model, or a later load, finds them
    // in memory. Weights packed for the processor would be a copy, made again at each load.
    TRY_VOID(Check(
        api.AddSessionConfigEntry(options.get(), kOrtSessionOptionsConfigDisablePrepacking, "1"),
        Step::kLoad));
  }
  if (threads == 0) {
    TRY_VOID(Check(api.DisablePerSessionThreads(options.get()), Step::kLoad));
  } else {
    TRY_VOID(
        Check(api.SetIntraOpNumThreads(options.get(), static_cast<int>(threads)), Step::kLoad));
    TRY_VOID(Check(
        api.AddSessionConfigEntry(options.get(), kOrtSessionOptionsConfigAllowIntraOpSpinning, "0"),
        Step::kLoad));
  }
  if (wanted.gpu < 0) return options;
  const Result<void> used = UseGpu(options.get(), wanted.gpu);
  if (used.has_error()) return GpuUnusable(used.error());
  return options;
}

// The library's view of a RunMemory. It and what it uses live as long as the process.
struct SharedAllocator : OrtAllocator {
  explicit SharedAllocator(MemoryInfoPtr given)
      : OrtAllocator{}, memory(*new RunMemory({})), info(std::move(given)) {
    version = ORT_API_VERSION;
    // The library takes what it is given for memory, whatever it is, and knows this exception.
    Alloc = [](OrtAllocator* self, size_t bytes) {
      void* block = Of(self).memory.Allocate(bytes);
      if (block == nullptr) throw std::bad_alloc();
      return block;
    };
    Free = [](OrtAllocator* self, void* block) { Of(self).memory.Free(block); };
    Info = [](const OrtAllocator* self) -> const OrtMemoryInfo* {
      return static_cast<const SharedAllocator*>(self)->info.get();
    };
    Reserve = Alloc;
  }
  static SharedAllocator& Of(OrtAllocator* self) { return *static_cast<SharedAllocator*>(self); }

  RunMemory& memory;
  const MemoryInfoPtr info;
};

Result<void> ShareMemory() {
  MemoryInfoPtr info;
  TRY_VOID(Check(Api().CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, Out(info)),
                 Step::kLoad));
  static SharedAllocator& allocator = *new SharedAllocator(std::move(info));
  return Check(Api().RegisterAllocator(environment, &allocator), Step::kLoad);
}

// What the library says of a file that it cannot load, without the folder, which is ours.
Error LoadError(const Error& error, const std::filesystem::path& path) {
  std::string text = error.message();
  const std::string folder = path.parent_path().native() + "/";
  for (size_t at = text.find(folder); at != std::string::npos; at = text.find(folder)) {
    text.erase(at, folder.size());
  }
  return Error(error.code(), error.reason(),
               "cannot load " + path.filename().native() + ": " + text);
}

}  // namespace

Result<void> OpenEnvironment(const SlipwayHost& host) {
  TRY_VOID(OpenLibrary());
  const OrtApi& api = Api();
  ThreadingOptionsPtr threading;
  TRY_VOID(Check(api.CreateThreadingOptions(Out(threading)), Step::kLoad));
  TRY_VOID(Check(api.SetGlobalIntraOpNumThreads(threading.get(), static_cast<int>(host.cores)),
                 Step::kLoad));
  TRY_VOID(Check(api.SetGlobalInterOpNumThreads(threading.get(), 1), Step::kLoad));
  TRY_VOID(Check(api.SetGlobalSpinControl(threading.get(), 0), Step::kLoad));
  TRY_VOID(Check(api.CreateEnvWithCustomLoggerAndGlobalThreadPools(
                     LogToHost, const_cast<SlipwayHost*>(&host), ORT_LOGGING_LEVEL_WARNING,
                     "slipway", threading.get(), &environment),
                 Step::kLoad));
  return ShareMemory();
}

std::string Devices() {
  char** names = nullptr;
  int count = 0;
  std::string out;
  if (Check(Api().GetAvailableProviders(&names, &count), Step::kLoad).has_error()) return "CPU";
  constexpr std::string_view kEnd = "ExecutionProvider";
  for (int i = 0; i < count; ++i) {
    std::string_view name = names[i];
    if (name.ends_with(kEnd)) name.remove_suffix(kEnd.size());
    out.append(out.empty() ? "" : ", ").append(name);
  }
  (void)Check(Api().ReleaseAvailableProviders(names, count), Step::kLoad);
  return out;
}

Result<std::unique_ptr<OrtModel>> OrtModel::Load(const SlipwayLoadOptions& wanted) {
  TRY(options, MakeOptions(wanted));
  std::unique_ptr<OrtModel> model(new OrtModel());
  model->on_host_ = wanted.gpu < 0;
  const Result<void> created =
      Check(Api().CreateSession(environment, wanted.path, options.get(), Out(model->session_)),
            Step::kLoad);
  if (created.has_error()) {
    std::optional<Error> full;
    if (wanted.gpu >= 0) full = OutOfGpuMemory(created.error(), wanted.path);
    return full ? *std::move(full) : LoadError(created.error(), wanted.path);
  }
  TRY(signature, ReadSignature(model->session_.get()));
  model->info_ = std::make_unique<PluginInfo>(std::move(signature), true);
  for (const auto& spec : model->signature().inputs)
    model->input_names_.push_back(spec.name.c_str());
  for (const auto& spec : model->signature().outputs) {
    model->output_names_.push_back(spec.name.c_str());
  }
  return model;
}

}  // namespace slipway::engine::ort
