// The floor of the engine: bare ONNX Runtime on one model with one float input and output.
//
//   onnxruntime_floor LIBRARY MODEL RUNS [BATCH]
//
// prints {"load_ms":..., "cpu_us":..., "p99_us":...}: CPU time of a run with bound input and
// output, and how long 99 % of the runs took at most. RUNS = 0 only loads. BATCH (1): open
// dimensions.
#define ORT_API_MANUAL_INIT
#include <dlfcn.h>
#include <onnxruntime_cxx_api.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

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

struct Figures {
  double cpu_us = 0;
  double p99_us = 0;
};

std::vector<int64_t> ShapeOf(const Ort::TypeInfo& info, int64_t batch) {
  std::vector<int64_t> shape = info.GetTensorTypeAndShapeInfo().GetShape();
  for (int64_t& dimension : shape) {
    if (dimension < 0) dimension = batch;
  }
  return shape;
}

size_t CountOf(const std::vector<int64_t>& shape) {
  size_t count = 1;
  for (const int64_t dimension : shape) count *= static_cast<size_t>(dimension);
  return count;
}

Figures Measure(Ort::Session& session, size_t runs, int64_t batch) {
  Ort::AllocatorWithDefaultOptions allocator;
  const std::string input = session.GetInputNameAllocated(0, allocator).get();
  const std::string output = session.GetOutputNameAllocated(0, allocator).get();
  const std::vector<int64_t> in_shape = ShapeOf(session.GetInputTypeInfo(0), batch);
  const std::vector<int64_t> out_shape = ShapeOf(session.GetOutputTypeInfo(0), batch);
  std::vector<float> in(CountOf(in_shape), 0.5F);
  std::vector<float> out(CountOf(out_shape));
  auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  auto in_value = Ort::Value::CreateTensor<float>(memory, in.data(), in.size(), in_shape.data(),
                                                  in_shape.size());
  auto out_value = Ort::Value::CreateTensor<float>(memory, out.data(), out.size(), out_shape.data(),
                                                   out_shape.size());
  Ort::IoBinding binding(session);
  binding.BindInput(input.c_str(), in_value);
  binding.BindOutput(output.c_str(), out_value);
  session.Run(Ort::RunOptions{nullptr}, binding);  // which allocates what the others use again
  const double before = CpuSeconds();
  for (size_t run = 0; run < runs; ++run) session.Run(Ort::RunOptions{nullptr}, binding);
  const double cpu_us = (CpuSeconds() - before) * 1e6 / static_cast<double>(runs);
  std::vector<double> took(runs / 4 + 1);
  for (double& us : took) {
    const auto begin = std::chrono::steady_clock::now();
    session.Run(Ort::RunOptions{nullptr}, binding);
    us =
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count();
  }
  std::sort(took.begin(), took.end());
  return {.cpu_us = cpu_us, .p99_us = took[took.size() * 99 / 100]};
}

}  // namespace

int main(int argc, char** argv) {
  // As our programs do.
  setenv("ORT_DISABLE_TELEMETRY", "1", 1);  // NOLINT(concurrency-mt-unsafe)
  if (argc != 4 && argc != 5) return 2;
  const auto begin = std::chrono::steady_clock::now();
  OpenLibrary(argv[1]);
  Ort::Env environment(ORT_LOGGING_LEVEL_WARNING, "floor");
  Ort::SessionOptions options;
  options.SetIntraOpNumThreads(1);
  Ort::Session session(environment, argv[2], options);
  const std::chrono::duration<double, std::milli> load = std::chrono::steady_clock::now() - begin;
  const size_t runs = std::strtoul(argv[3], nullptr, 10);
  const int64_t batch = argc == 5 ? std::atoll(argv[4]) : 1;
  const Figures figures = runs > 0 ? Measure(session, runs, batch) : Figures();
  std::printf("{\"load_ms\":%.2f,\"cpu_us\":%.3f,\"p99_us\":%.3f}\n", load.count(), figures.cpu_us,
              figures.p99_us);
}
