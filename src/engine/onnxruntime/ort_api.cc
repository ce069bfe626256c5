#include "engine/onnxruntime/ort_api.h"

#include <dlfcn.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "engine/reasons.h"

namespace slipway::engine::ort {
namespace {

namespace fs = std::filesystem;

const OrtApi* api = nullptr;

// The folder of this plugin.
fs::path OwnFolder() {
  Dl_info info{};
  CHECK(dladdr(reinterpret_cast<void*>(&OwnFolder), &info) != 0);
  return fs::path(info.dli_fname).parent_path();
}

fs::path CudaFolder() {
  return OwnFolder() / "cuda";
}

bool HasCuda() {
  std::error_code ignored;
  return fs::is_directory(CudaFolder(), ignored) &&
         dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL) != nullptr;
}

// libonnxruntime.so.* in the folder of this machine's library: exactly one.
Result<std::string> FindLibrary() {
  const fs::path folder = HasCuda() ? CudaFolder() : OwnFolder();
  std::vector<std::string> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.path().filename().native().starts_with("libonnxruntime.so.")) {
      found.push_back(entry.path().native());
    }
  }
  if (found.size() == 1) return found.front();
  return Unavailable("ENGINE_LIBRARY",
                     "there " + std::string(found.empty() ? "is no" : "is more than one") +
                         " libonnxruntime.so.* in " + folder.native() +
                         ", where exactly one belongs: install Slipway again");
}

Result<const OrtApi*> Open() {
  TRY(path, FindLibrary());
  // Without it the library sends events to its maker and keeps a file in the user's cache. Our
  // programs have set it before their first thread; this is for other hosts of the plugin.
  setenv("ORT_DISABLE_TELEMETRY", "1", /*overwrite=*/0);  // NOLINT(concurrency-mt-unsafe)
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return Unavailable("ENGINE_LIBRARY", std::string("cannot open ONNX Runtime: ") + dlerror());
  }
  using GetBase = const OrtApiBase* (*)();
  const auto get_base = reinterpret_cast<GetBase>(dlsym(library, "OrtGetApiBase"));
  const OrtApi* found = get_base == nullptr ? nullptr : get_base()->GetApi(ORT_API_VERSION);
  if (found == nullptr) {
    return Unavailable("ENGINE_LIBRARY", path + " does not offer version " +
                                             std::to_string(ORT_API_VERSION) +
                                             " of ONNX Runtime's interface");
  }
  return found;
}

Code CodeOf(OrtErrorCode code, Step step) {
  switch (code) {
    case ORT_NO_SUCHFILE:
      return Code::kNotFound;
    case ORT_NOT_IMPLEMENTED:
      return Code::kUnimplemented;
    case ORT_INVALID_ARGUMENT:
    case ORT_INVALID_PROTOBUF:
    case ORT_INVALID_GRAPH:
    case ORT_NO_MODEL:
      return Code::kInvalidArgument;
    case ORT_OK:
    case ORT_FAIL:
    case ORT_ENGINE_ERROR:
    case ORT_RUNTIME_EXCEPTION:
    case ORT_MODEL_LOADED:
    case ORT_EP_FAIL:
      break;
  }
  // Also codes of a newer library. A model that the library cannot load is the model's fault.
  return step == Step::kLoad ? Code::kInvalidArgument : Code::kInternal;
}

// The library throws for want of memory, and keeps of that no more than the words.
bool IsOutOfMemory(std::string_view text) {
  return text.find("std::bad_alloc") != std::string_view::npos ||
         text.find("Failed to allocate memory") != std::string_view::npos;
}

std::string_view ReasonOf(std::string_view text, Step step) {
  if (step == Step::kLoad) return "MODEL_INVALID";
  return IsOutOfMemory(text) ? kOutOfMemory : "RUN_FAILED";
}

}  // namespace

const OrtApi& Api() {
  return *api;
}

Result<void> OpenLibrary() {
  static const Result<const OrtApi*> opened = Open();
  if (opened.has_error()) return opened.error();
  api = opened.value();
  return {};
}

void OpenCudaLibraries() {
  // In the order in which they need each other. cuDNN opens parts of its own as it needs them, from
  // its folder.
  constexpr std::array kNames = {"libcudart.so.", "libnvJitLink.so.", "libcublasLt.so.",
                                 "libcublas.so.", "libnvrtc.so.",     "libcurand.so.",
                                 "libcufft.so.",  "libcudnn.so."};
  static const bool once = [&] {
    std::vector<std::string> there;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(CudaFolder(), ignored)) {
      there.push_back(entry.path().native());
    }
    for (const std::string_view name : kNames) {
      for (const std::string& path : there) {
        if (!fs::path(path).filename().native().starts_with(name)) continue;
        (void)dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
      }
    }
    return true;
  }();
  (void)once;
}

Result<void> Check(OrtStatus* status, Step step) {
  if (status == nullptr) [[likely]] {
    return {};
  }
  const OrtErrorCode code = Api().GetErrorCode(status);
  std::string text = Api().GetErrorMessage(status);
  Api().ReleaseStatus(status);
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return Error(CodeOf(code, step), ReasonOf(text, step),
               "ONNX Runtime error " + std::to_string(static_cast<int>(code)) + ": " + text);
}

}  // namespace slipway::engine::ort
