// The floor of the engine: bare ONNX Runtime on one model with one float input and output.
//
//   onnxruntime_floor LIBRARY MODEL RUNS [BATCH]
//   onnxruntime_floor LIBRARY MODEL --arrivals RATE SECONDS SEED
//
// prints {"load_ms":..., "cpu_us":..., "p99_us":...}: CPU time of a run with bound input and
// output, and how long 99 % of the runs took at most. RUNS = 0 only loads. BATCH (1): open
// dimensions. With --arrivals the runs come at random, one after the other: p99_us is that of a
// run by itself, and "stay_p99_us" counts from its arrival.
#define ORT_API_MANUAL_INIT
#include <dlfcn.h>
#include <onnxruntime_cxx_api.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "arrivals.h"

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

using Clock = std::chrono::steady_clock;

double MicrosSince(Clock::time_point begin) {
  return std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
}

double P99(std::vector<double>& values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() * 99 / 100];
}

struct Figures {
  double cpu_us = 0;
  double p99_us = 0;
  double stay_p99_us = 0;
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

// A session with its one input and output bound.
class Bound {
 public:
  Bound(Ort::Session& session, int64_t batch) : session_(session), binding_(session) {
    Ort::AllocatorWithDefaultOptions allocator;
    in_shape_ = ShapeOf(session.GetInputTypeInfo(0), batch);
    out_shape_ = ShapeOf(session.GetOutputTypeInfo(0), batch);
    in_.assign(CountOf(in_shape_), 0.5F);
    out_.resize(CountOf(out_shape_));
    const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
    binding_.BindInput(session.GetInputNameAllocated(0, allocator).get(),
                       Ort::Value::CreateTensor<float>(memory, in_.data(), in_.size(),
                                                       in_shape_.data(), in_shape_.size()));
    binding_.BindOutput(session.GetOutputNameAllocated(0, allocator).get(),
                        Ort::Value::CreateTensor<float>(memory, out_.data(), out_.size(),
                                                        out_shape_.data(), out_shape_.size()));
    Run();  // which allocates what the others use again
  }
  void Run() { session_.Run(Ort::RunOptions{nullptr}, binding_); }

 private:
  Ort::Session& session_;
  Ort::IoBinding binding_;
  std::vector<int64_t> in_shape_;
  std::vector<int64_t> out_shape_;
  std::vector<float> in_;
  std::vector<float> out_;
};

Figures MeasureRuns(Bound bound, size_t runs) {
  const double before = CpuSeconds();
  for (size_t run = 0; run < runs; ++run) bound.Run();
  const double cpu_us = (CpuSeconds() - before) * 1e6 / static_cast<double>(runs);
  std::vector<double> took(runs / 4 + 1);
  for (double& us : took) {
    const auto begin = Clock::now();
    bound.Run();
    us = MicrosSince(begin);
  }
  return {.cpu_us = cpu_us, .p99_us = P99(took)};
}

Figures MeasureArrivals(Bound bound, Arrivals arrivals, double seconds) {
  std::vector<double> took;
  std::vector<double> stays;
  const double before = CpuSeconds();
  const auto begin = Clock::now();
  for (; arrivals.next() < seconds; arrivals.Pass()) {
    const auto arrival = begin + std::chrono::duration_cast<Clock::duration>(
                                     std::chrono::duration<double>(arrivals.next()));
    std::this_thread::sleep_until(arrival);
    const auto run = Clock::now();
    bound.Run();
    took.push_back(MicrosSince(run));
    stays.push_back(MicrosSince(arrival));
  }
  const double cpu_us = (CpuSeconds() - before) * 1e6 / static_cast<double>(took.size());
  return {.cpu_us = cpu_us, .p99_us = P99(took), .stay_p99_us = P99(stays)};
}

Figures Measure(Ort::Session& session, int argc, char** argv) {
  if (std::string_view(argv[3]) == "--arrivals") {
    return MeasureArrivals({session, 1}, {std::atof(argv[4]), std::strtoull(argv[6], nullptr, 10)},
                           std::atof(argv[5]));
  }
  const size_t runs = std::strtoul(argv[3], nullptr, 10);
  if (runs == 0) return {};
  return MeasureRuns({session, argc == 5 ? std::atoll(argv[4]) : 1}, runs);
}

}  // namespace

int main(int argc, char** argv) {
  // As our programs do.
  setenv("ORT_DISABLE_TELEMETRY", "1", 1);  // NOLINT(concurrency-mt-unsafe)
  if (argc < 4 || argc == 6 || argc > 7) return 2;
  const auto begin = std::chrono::steady_clock::now();
  OpenLibrary(argv[1]);
  Ort::Env environment(ORT_LOGGING_LEVEL_WARNING, "floor");
  Ort::SessionOptions options;
  options.SetIntraOpNumThreads(1);
  Ort::Session session(environment, argv[2], options);
  const std::chrono::duration<double, std::milli> load = std::chrono::steady_clock::now() - begin;
  const Figures figures = Measure(session, argc, argv);
  std::printf("{\"load_ms\":%.2f,\"cpu_us\":%.3f,\"p99_us\":%.3f,\"stay_p99_us\":%.3f}\n",
              load.count(), figures.cpu_us, figures.p99_us, figures.stay_p99_us);
}
