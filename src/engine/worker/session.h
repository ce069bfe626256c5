// A session of a model in a worker, as exec::Session.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "engine/worker/channel.h"
#include "engine/worker/process.h"
#include "engine/worker/segment.h"
#include "exec/model.h"

namespace slipway::engine::worker {

// Its tensors go through two segments, which grow when a run needs it; outputs are copied out
// before anybody sees them. A run whose worker ends meanwhile ends with UNAVAILABLE / WORKER_DOWN,
// and the next one finds the next worker.
class WorkerSession final : public exec::Session {
 public:
  // `process` outlives this.
  explicit WorkerSession(WorkerProcess& process) : process_(process) {}

  // Returns when the run is over: it waits for the worker on the calling thread.
  void Start(const exec::Run& run, exec::RunObserver& observer) override;
  void Interrupt() override;

 private:
  Result<void> Run(const exec::Run& run, exec::RunObserver& observer);
  Result<void> Connect();
  Result<void> Send(const exec::Run& run);
  // The next word of the worker about this run.
  Result<Frame> Await(const exec::Run& run);
  Result<void> MakeRoom(uint64_t bytes);
  Result<void> Take(const DoneFrame& done, const exec::Run& run);
  uint64_t ExpectedBytes(const exec::Run& run) const;
  // The worker of this session is gone, or broke the protocol.
  Error Lost(const Error& error);
  // Large segments go, on both sides.
  void Shrink();

  WorkerProcess& process_;
  std::optional<Line> line_;
  Segment input_;
  Segment output_;
  bool told_input_ = false;  // the worker has the segment
  bool told_output_ = false;
  std::mutex mutex_;  // of the next two, and of the line for Interrupt
  uint64_t runs_ = 0;
  bool is_running_ = false;
};

}  // namespace slipway::engine::worker
