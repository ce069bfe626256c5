// The floor of the engine: bare ONNX Runtime on one model with one float input of 1x4.
//
//   onnxruntime_floor LIBRARY MODEL RUNS    prints {"load_ms":..., "cpu_us":...}: CPU time of a run
//                                           with bound input and output; RUNS = 0 only loads
#define ORT_API_MANUAL_INIT
#include <dlfcn.h>
#include <onnxruntime_cxx_api.h>
#include <sys/resource.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void OpenLibrary(const char* path) {
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    std::fprintf(stderr, "%s\n", dlerror());
    std::exit(2);  // NOLINT(concurrency-mt-unsafe): there are no other threads yet
  }
  auto* base = reinterpret_cast<const OrtApiBase* (*)()>(dlsym(library, "OrtGetApiBase"));
  Ort::InitApi(base()->GetApi(ORT_API_VERSION));
}

double CpuMicrosecondsPerRun(Ort::Session& session, long runs) {
  Ort::AllocatorWithDefaultOptions allocator;
  std::string input = session.GetInputNameAllocated(0, allocator).get();
  std::string output = session.GetOutputNameAllocated(0, allocator).get();
  std::array<float, 4> in{1, 2, 3, 4};
  std::array<float, 4> out{};
  std::array<int64_t, 2> shape{1, 4};
  auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  auto in_value = Ort::Value::CreateTensor<float>(memory, in.data(), 4, shape.data(), 2);
  auto out_value = Ort::Value::CreateTensor<float>(memory, out.data(), 4, shape.data(), 2);
  Ort::IoBinding binding(session);
  binding.BindInput(input.c_str(), in_value);
  binding.BindOutput(output.c_str(), out_value);
  const double before = CpuSeconds();
  for (long run = 0; run < runs; ++run) session.Run(Ort::RunOptions{nullptr}, binding);
  return (CpuSeconds() - before) * 1e6 / static_cast<double>(runs);
}

}  // namespace

int main(int argc, char** argv) {
  // As our programs do.
  setenv("ORT_DISABLE_TELEMETRY", "1", 1);  // NOLINT(concurrency-mt-unsafe)
  if (argc != 4) return 2;
  const auto begin = std::chrono::steady_clock::now();
  OpenLibrary(argv[1]);
  Ort::Env environment(ORT_LOGGING_LEVEL_WARNING, "floor");
  Ort::SessionOptions options;
  options.SetIntraOpNumThreads(1);
  Ort::Session session(environment, argv[2], options);
  const std::chrono::duration<double, std::milli> load = std::chrono::steady_clock::now() - begin;
  const long runs = std::atol(argv[3]);
  const double cpu_us = runs > 0 ? CpuMicrosecondsPerRun(session, runs) : 0;
  std::printf("{\"load_ms\":%.2f,\"cpu_us\":%.3f}\n", load.count(), cpu_us);
}
