#include "engine/gpu.h"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <system_error>
#include <type_traits>

namespace slipway::engine {
namespace {

// A library that is opened by its name and stays open.
class Library {
 public:
  explicit Library(const char* name) : handle_(dlopen(name, RTLD_NOW | RTLD_LOCAL)) {}

  bool is_open() const { return handle_ != nullptr; }
  // Whether it has this function; then it is in `function`.
  template <class Function>
  bool Find(const char* name, Function& function) const {
    function = reinterpret_cast<Function>(dlsym(handle_, name));
    return function != nullptr;
  }

 private:
  void* const handle_;
};

// The parts of the two interfaces that tell of devices; their headers are not needed to build.
// Source: CUDA driver API, "Device Management"; NVML API reference, "Device Queries".
struct Driver {
  int (*init)(unsigned flags);
  int (*device_count)(int* count);
  int (*device)(int* device, int ordinal);
  int (*device_name)(char* name, int size, int device);
  int (*device_uuid)(std::array<uint8_t, 16>* uuid, int device);
  int (*total_memory)(size_t* bytes, int device);
};

struct Management {
  struct Memory {
    unsigned long long total, free, used;  // NOLINT(google-runtime-int): as the interface has it
  };
  struct Rates {
    unsigned gpu, memory;  // percent
  };
  using Device = void*;
  using Energy = unsigned long long;  // NOLINT(google-runtime-int): as the interface has it

  int (*init)();
  int (*device)(const char* uuid, Device* device);
  int (*memory)(Device device, Memory* memory);
  int (*rates)(Device device, Rates* rates);
  int (*power)(Device device, unsigned* milliwatts);
  int (*power_limit)(Device device, unsigned* milliwatts);
  int (*energy)(Device device, Energy* millijoules);
};

Error Missing(const std::string& what) {
  return FailedPrecondition("GPU_MISSING", "there is no GPU on this machine: " + what);
}

Result<Driver> OpenDriver() {
  const Library library("libcuda.so.1");
  if (!library.is_open()) return Missing("the driver's library libcuda.so.1 is not installed");
  Driver driver{};
  const bool is_whole = library.Find("cuInit", driver.init) &&
                        library.Find("cuDeviceGetCount", driver.device_count) &&
                        library.Find("cuDeviceGet", driver.device) &&
                        library.Find("cuDeviceGetName", driver.device_name) &&
                        library.Find("cuDeviceGetUuid_v2", driver.device_uuid) &&
                        library.Find("cuDeviceTotalMem_v2", driver.total_memory);
  if (!is_whole) return Missing("libcuda.so.1 is no driver of NVIDIA's, or one before CUDA 11.4");
  return driver;
}

// 8-4-4-4-12 hex digits.
std::string UuidText(const std::array<uint8_t, 16>& uuid) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < uuid.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += kDigits[uuid[i] >> 4];
    text += kDigits[uuid[i] & 15];
  }
  return text;
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
    std::array<uint8_t, 16> uuid{};
    size_t bytes = 0;
    if (driver.device(&device, i) != 0) continue;
    if (driver.device_name(name.data(), static_cast<int>(name.size()) - 1, device) != 0) continue;
    if (driver.device_uuid(&uuid, device) != 0) continue;
    if (driver.total_memory(&bytes, device) != 0) continue;
    gpus.push_back({.ordinal = i,
                    .name = name.data(),
                    .uuid = "GPU-" + UuidText(uuid),
                    .memory_bytes = bytes});
  }
  if (gpus.empty()) return Missing("the driver does not tell of its devices");
  return gpus;
}

// Nothing where the library is missing or does not start.
std::optional<Management> OpenManagement() {
  const Library library("libnvidia-ml.so.1");
  Management management{};
  const bool is_whole = library.is_open() && library.Find("nvmlInit_v2", management.init) &&
                        library.Find("nvmlDeviceGetHandleByUUID", management.device) &&
                        library.Find("nvmlDeviceGetMemoryInfo", management.memory) &&
                        library.Find("nvmlDeviceGetUtilizationRates", management.rates) &&
                        library.Find("nvmlDeviceGetPowerUsage", management.power) &&
                        library.Find("nvmlDeviceGetEnforcedPowerLimit", management.power_limit) &&
                        library.Find("nvmlDeviceGetTotalEnergyConsumption", management.energy);
  if (!is_whole || management.init() != 0) return std::nullopt;
  return management;
}

const std::optional<Management>& OpenedManagement() {
  static const std::optional<Management>& opened = *new std::optional<Management>(OpenManagement());
  return opened;
}

}  // namespace

Result<std::vector<Gpu>> FindGpus() {
  static const Result<std::vector<Gpu>>& found = *new Result<std::vector<Gpu>>(AskDriver());
  return found;
}

std::vector<Gpu> FindIntelGpus(const std::filesystem::path& devices) {
  std::vector<std::string> models;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(devices, error)) {
    if (!entry.path().filename().native().starts_with("renderD")) continue;
    std::string vendor;
    std::string model;
    std::ifstream(entry.path() / "device/vendor") >> vendor;
    std::ifstream(entry.path() / "device/device") >> model;
    if (vendor == "0x8086") models.push_back(model);
  }
  std::ranges::sort(models);
  std::vector<Gpu> gpus;
  for (const std::string& model : models) {
    gpus.push_back({.ordinal = 0, .name = "Intel GPU " + model, .uuid = {}, .memory_bytes = 0});
  }
  return gpus;
}

std::optional<GpuUse> UseOf(const Gpu& gpu) {
  if (gpu.uuid.empty()) return std::nullopt;
  const std::optional<Management>& library = OpenedManagement();
  if (!library) return std::nullopt;
  Management::Device device = nullptr;
  Management::Memory memory{};
  if (library->device(gpu.uuid.c_str(), &device) != 0) return std::nullopt;
  if (library->memory(device, &memory) != 0) return std::nullopt;
  GpuUse use{.memory_used_bytes = memory.used, .memory_total_bytes = memory.total};
  Management::Rates rates{};
  if (library->rates(device, &rates) == 0) use.utilization = rates.gpu / 100.0;
  unsigned milliwatts = 0;
  if (library->power(device, &milliwatts) == 0) use.power_watts = milliwatts / 1e3;
  if (library->power_limit(device, &milliwatts) == 0) use.power_limit_watts = milliwatts / 1e3;
  Management::Energy millijoules = 0;
  if (library->energy(device, &millijoules) == 0) {
    use.energy_joules = static_cast<double>(millijoules) / 1e3;
  }
  return use;
}

}  // namespace slipway::engine
