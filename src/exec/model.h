// Model and Session: what runs a tensor program, whatever engine is behind it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "tensor/signature.h"
#include "tensor/tensor.h"

namespace slipway::exec {

// One execution. Everything that it points to stays valid until the observer was told the end.
struct Run {
  // One for each input of the signature, in its order, of the right type and a matching shape.
  std::span<const tensor::Tensor> inputs;
  // Positions in the signature of the outputs that are wanted, each once, and where they go:
  // outputs[i] receives output wanted[i]. What the tensors hold before is lost.
  std::span<const uint32_t> wanted;
  std::span<tensor::Tensor> outputs;
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  // Becomes non-zero when nobody waits for the answer any more. May be null.
  const std::atomic<uint32_t>* cancelled = nullptr;
  // Called with each response that is not the last, on the thread of the engine, while the outputs
  // hold it. nullptr: whoever waits for the run takes one response only.
  const std::function<void()>* on_part = nullptr;
};

// Is told how a run goes, on the thread that called Start or on one of the engine's. The last call
// is either OnResponse(true) or OnError; afterwards the session is free for the next run.
class RunObserver {
 public:
  virtual ~RunObserver() = default;
  // The outputs are filled; when it returns and `last` is false, the session may overwrite them.
  virtual void OnResponse(bool last) = 0;
  // What the outputs hold is unspecified. CANCELLED and DEADLINE_EXCEEDED where the run was ended
  // early, INVALID_ARGUMENT where the model refused its inputs, INTERNAL where it failed.
  virtual void OnError(const Error& error) = 0;
};

// Runs one execution at a time; not thread-safe but for Interrupt. Destroyed before its Model, and
// only when no run is under way.
class Session {
 public:
  virtual ~Session() = default;
  virtual void Start(const Run& run, RunObserver& observer) = 0;
  // Asks the run that is under way to end early. Any thread; when none is under way, nothing
  // happens.
  virtual void Interrupt() = 0;
};

// Of a model that runs in a process of its own.
struct ProcessState {
  int64_t pid = 0;           // of several, the first one; 0: none runs at the moment
  int64_t processes = 0;     // that run
  uint64_t restarts = 0;     // how often it ended by itself
  std::string last_end;      // how it did, the last time: "was killed by signal 9 (Killed)"
  int64_t memory_bytes = 0;  // resident, of its own
};

// A loaded model. Thread-safe.
class Model {
 public:
  virtual ~Model() = default;
  virtual const tensor::Signature& signature() const = 0;
  // As the V2 protocol names it: "onnxruntime_onnx".
  virtual std::string_view platform() const = 0;
  // Whether Start returns only after the observer was told the end.
  virtual bool completes_in_call() const = 0;
  // Whether one run may have several responses, or the model says so of itself.
  virtual bool decoupled() const { return false; }
  virtual Result<std::unique_ptr<Session>> OpenSession() = 0;
  // So many runs are to go on at the same time from now on. A model that needs something of its own
  // for each makes it in the background.
  virtual void ExpectRuns(size_t runs) { static_cast<void>(runs); }
  // Nothing for a model in this process.
  virtual std::optional<ProcessState> process() const { return std::nullopt; }
};

}  // namespace slipway::exec
