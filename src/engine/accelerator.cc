#include "engine/accelerator.h"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <string>

#include "engine/plugin_host.h"

namespace slipway::engine {
namespace {

// The part of the CUDA driver's interface that tells of devices; its header is not needed to build.
struct Driver {
  int (*init)(unsigned flags);
  int (*device_count)(int* count);
  int (*device)(int* device, int ordinal);
  int (*device_name)(char* name, int size, int device);
  int (*total_memory)(size_t* bytes, int device);
};

Error Missing(const std::string& what) {
  return FailedPrecondition("GPU_MISSING", "there is no GPU on this machine: " + what);
}

Result<Driver> OpenDriver() {
  void* library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return Missing("the driver's library libcuda.so.1 is not installed");
  Driver driver{};
  const auto find = [library](const char* name, auto& function) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(library, name));
    return function != nullptr;
  };
  const bool is_whole =
      find("cuInit", driver.init) && find("cuDeviceGetCount", driver.device_count) &&
      find("cuDeviceGet", driver.device) && find("cuDeviceGetName", driver.device_name) &&
      find("cuDeviceTotalMem_v2", driver.total_memory);
  if (!is_whole) return Missing("libcuda.so.1 is no driver of NVIDIA's");
  return driver;
}

Result<std::vector<Gpu>> AskDriver() {
  TRY(driver, OpenDriver());
  if (const int status = driver.init(0); status != 0) {
    return Missing("the driver does not start (CUDA error " + std::to_string(status) + ")");
  }
  int count = 0;
  if (driver.device_count(&count) != 0 || count <= 0) return Missing("the driver knows none");
  std::vector<Gpu> gpus;
  for (int i = 0; i < count; ++i) {
    int device = 0;
    std::array<char, 256> name{};
    size_t bytes = 0;
    if (driver.device(&device, i) != 0) continue;
    if (driver.device_name(name.data(), static_cast<int>(name.size()) - 1, device) != 0) continue;
    if (driver.total_memory(&bytes, device) != 0) continue;
    gpus.push_back({.name = name.data(), .memory_bytes = bytes});
  }
  if (gpus.empty()) return Missing("the driver does not tell of its devices");
  return gpus;
}

}  // namespace

Result<std::vector<Gpu>> FindGpus() {
  static const Result<std::vector<Gpu>>& found = *new Result<std::vector<Gpu>>(AskDriver());
  return found;
}

std::optional<Error> GpuProblem(PluginHost& host, std::string_view format) {
  const Result<std::vector<Gpu>> gpus = FindGpus();
  if (gpus.has_error()) return gpus.error();
  const Result<std::string> devices = host.Devices(format);
  if (devices.has_error()) return devices.error();
  return FailedPrecondition("GPU_UNSUPPORTED",
                            "there is a GPU (" + gpus->front().name + ", " +
                                std::to_string(gpus->front().memory_bytes >> 20) +
                                " MiB), but the engine of this build computes on " + *devices +
                                " alone: set accelerator to cpu or gpuPreferred");
}

}  // namespace slipway::engine
