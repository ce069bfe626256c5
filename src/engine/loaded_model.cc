#include "engine/loaded_model.h"

#include <unistd.h>

#include <condition_variable>
#include <cstring>
#include <fstream>
#include <mutex>
#include <numeric>
#include <optional>

#include "engine/limits.h"
#include "engine/reasons.h"
#include "engine/run_watch.h"

namespace slipway::engine {
namespace {

using Clock = std::chrono::steady_clock;

// Resident bytes of this process without file pages.
int64_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  int64_t total = 0;
  int64_t resident = 0;
  int64_t shared = 0;
  file >> total >> resident >> shared;
  return (resident - shared) * sysconf(_SC_PAGESIZE);
}

// In use of this GPU; 0 where nobody can tell.
int64_t GpuBytes(const std::optional<Gpu>& gpu) {
  if (!gpu) return 0;
  const std::optional<GpuUse> use = UseOf(*gpu);
  return use ? static_cast<int64_t>(use->memory_used_bytes) : 0;
}

// Zeros and empty strings for every input; nothing where the signature is too large for that.
std::optional<std::vector<tensor::Tensor>> ZeroInputs(const tensor::Signature& signature) {
  std::vector<tensor::Tensor> inputs(signature.inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    tensor::Shape shape = signature.inputs[i].shape;
    for (size_t d = 0; d < shape.rank(); ++d) {
      if (shape[d] < 0) shape.Set(d, 1);
    }
    const Result<uint64_t> count = shape.ElementCount();
    if (count.has_error() || *count > kMaxWarmUpElements) return std::nullopt;
    if (inputs[i].Reset(signature.inputs[i].type, shape).has_error()) return std::nullopt;
    if (signature.inputs[i].type == tensor::DataType::kBytes) {
      for (uint64_t n = 0; n < *count; ++n) inputs[i].AppendString("");
      inputs[i].SealStrings();
    } else {
      std::memset(inputs[i].data(), 0, inputs[i].size_bytes());
    }
  }
  return inputs;
}

// Whether a run that failed so with zeros fails with every other input too.
bool FailsWithAnyInput(const Error& error, const tensor::Signature& signature) {
  return error.reason() == kOutOfMemory || error.code() == Code::kResourceExhausted ||
         signature.inputs.empty();
}

Error WarmUpFailed(std::string_view what, const Error& cause) {
  return FailedPrecondition(kWarmUpFailed, std::string(what) + ": " + cause.message())
      .CausedBy(cause);
}

// Waits for the last call, and keeps what it says.
class Waiter final : public exec::RunObserver {
 public:
  explicit Waiter(const std::function<void()>* on_part) : on_part_(on_part) {}

  void OnResponse(bool last) override {
    ++responses_;
    if (!last && on_part_ != nullptr) (*on_part_)();
    if (!last) return;
    if (responses_ == 1 || on_part_ != nullptr) return End({});
    End(Unimplemented("MODEL_DECOUPLED",
                      "the model answered " + std::to_string(responses_) +
                          " times to one request, which plain inference cannot pass on"));
  }
  void OnError(const Error& error) override { End(error); }
  Result<void> Wait() {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [&] { return result_.has_value(); });
    return *result_;
  }

 private:
  // Tells under the lock: the waiter may be gone as soon as the lock is free.
  void End(Result<void> result) {
    std::lock_guard lock(mutex_);
    result_ = std::move(result);
    wake_.notify_one();
  }

  const std::function<void()>* const on_part_;
  int responses_ = 0;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::optional<Result<void>> result_;
};

}  // namespace

SessionLease::~SessionLease() {
  if (session_ == nullptr) return;
  owner_.idle_.With([&](auto& idle) { idle.push_back(std::move(session_)); });
}

Result<std::unique_ptr<LoadedModel>> LoadedModel::Load(PluginHost& host,
                                                       const ModelSource& source) {
  const Clock::time_point start = Clock::now();
  const int64_t before = ResidentBytes();
  const int64_t gpu_before = GpuBytes(source.gpu);
  TRY(model, host.Load(source));
  OnDemandModel* on_demand = nullptr;
  if (source.on_demand) {
    auto wrapped = std::make_unique<OnDemandModel>(std::move(model),
                                                   [&host, source] { return host.Load(source); });
    on_demand = wrapped.get();
    model = std::move(wrapped);
  }
  auto loaded = std::make_unique<LoadedModel>(std::move(model));
  loaded->on_demand_ = on_demand;
  TRY_VOID(loaded->WarmUp(source.stop));
  loaded->memory_bytes_ = std::max<int64_t>(ResidentBytes() - before, 0);
  if (source.gpu) {
    loaded->gpu_ = source.gpu;
    loaded->gpu_memory_bytes_ = std::max<int64_t>(GpuBytes(source.gpu) - gpu_before, 0);
    // A run waits for the GPU, which others may be using.
    loaded->Distrust();
  }
  loaded->load_time_ = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start);
  return loaded;
}

Result<void> LoadedModel::WarmUp(const std::stop_token& stop) {
  Result<SessionLease> session = Borrow();
  if (session.has_error()) {
    return WarmUpFailed("the model was loaded, but nothing can run in it", session.error());
  }
  std::optional<std::vector<tensor::Tensor>> inputs = ZeroInputs(signature());
  if (!inputs) return {};
  std::vector<tensor::Tensor> outputs(signature().outputs.size());
  std::vector<uint32_t> wanted(outputs.size());
  std::iota(wanted.begin(), wanted.end(), 0);
  const uint64_t elements = InputElements(*inputs);
  RunWatch watch(stop);
  const Clock::time_point start = Clock::now();
  const exec::Run run{
      .inputs = *inputs, .wanted = wanted, .outputs = outputs, .deadline = start + kWarmUpTime};
  for (int i = 0; i < kWarmUpRuns && Clock::now() - start < kWarmUpTime; ++i) {
    const Clock::time_point begin = Clock::now();
    Result<void> ran = watch.RunAndWait(**session, run);
    if (ran.has_error() && watch.stopped()) return ran;
    if (ran.has_error() && ran.error().code() == Code::kDeadlineExceeded) return {};
    if (ran.has_error() && FailsWithAnyInput(ran.error(), signature())) {
      return WarmUpFailed(
          "the model was loaded, but its warm-up run failed, and other input would "
          "not change that",
          ran.error());
    }
    if (ran.has_error()) {
      warm_up_failure_ = WarmUpFailed(
          "the warm-up run, whose input is zeros, failed, which real input may not", ran.error());
      return {};
    }
    const Clock::duration took = Clock::now() - begin;
    // The first run allocates what the later ones use again.
    if (i > 0 || took > kLongWarmUpRun) cost_.Observe(elements, took);
    if (took > kLongWarmUpRun) break;
  }
  return {};
}

bool LoadedModel::Unload() {
  if (on_demand_ == nullptr || !on_demand_->Unload()) return false;
  // They hold what they ran in.
  TrimSessions(0);
  return true;
}

void LoadedModel::TrimSessions(size_t keep) {
  std::vector<std::unique_ptr<exec::Session>> gone;
  idle_.With([&](auto& idle) {
    while (idle.size() > keep) {
      gone.push_back(std::move(idle.back()));
      idle.pop_back();
    }
  });
}

Result<SessionLease> LoadedModel::Borrow() {
  std::unique_ptr<exec::Session> session = idle_.With([](auto& idle) {
    std::unique_ptr<exec::Session> last;
    if (!idle.empty()) {
      last = std::move(idle.back());
      idle.pop_back();
    }
    return last;
  });
  if (session == nullptr) {
    TRY(opened, model_->OpenSession());
    session = std::move(opened);
  }
  return SessionLease(*this, std::move(session));
}

Result<void> RunAndWait(exec::Session& session, const exec::Run& run) {
  Waiter waiter(run.on_part);
  session.Start(run, waiter);
  return waiter.Wait();
}

uint64_t InputElements(std::span<const tensor::Tensor> inputs) {
  uint64_t elements = 0;
  for (const tensor::Tensor& input : inputs) elements += input.element_count();
  return elements;
}

}  // namespace slipway::engine
