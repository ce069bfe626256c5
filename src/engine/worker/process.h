// WorkerProcess: keeps one worker running that has a model loaded.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "async/guarded.h"
#include "base/descriptor.h"
#include "base/result.h"
#include "engine/worker/frame.h"
#include "engine/worker/limits.h"
#include "engine/worker/spawn.h"
#include "exec/model.h"

namespace slipway::engine::worker {

struct WorkerOptions {
  std::string name;  // for the log and for `ps`: "default/fraud 3"
  LoadFrame load;
  // What is run in place of the engines of this program; it speaks the same protocol, and reads
  // these folders and the system's alone.
  std::vector<std::string> command;
  std::vector<std::string> readable;
  // One process runs one request after the other: there is to be one for each run at a time.
  bool process_for_each_run = false;
  std::string program;            // settings of a program that the worker starts; empty: none
  std::function<void()> changed;  // state() is another one; on a thread of the worker's
  std::chrono::milliseconds hung_grace = kHungGrace;
  std::stop_token stop = {};  // Start is not to wait any longer
};

// A session of a worker that runs, or ran.
struct Line {
  Descriptor socket;
  uint32_t session = 0;
  uint64_t life = 0;  // which worker; one after the other they count up
};

// A worker that ends by itself is started anew, with a back-off that grows while it ends again and
// again; meanwhile there is none. The first one decides what the model is. Thread-safe.
class WorkerProcess {
 public:
  // Returns when the model is loaded. FAILED_PRECONDITION / WORKER_CRASHED where the worker ended
  // meanwhile; CANCELLED / LOAD_CANCELLED after options.stop; the errors of the engine.
  static Result<std::unique_ptr<WorkerProcess>> Start(WorkerOptions options);
  // Returns at once: one more of a model that another process has loaded as `like`. It is up once
  // it has loaded it, too; a load that fails is tried again as a worker that ended is.
  static Result<std::unique_ptr<WorkerProcess>> StartAnother(WorkerOptions options,
                                                             LoadedFrame like);
  // Ends the worker.
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  const LoadedFrame& loaded() const { return *loaded_; }
  exec::ProcessState state() const;
  // It runs, as far as anybody has noticed.
  bool is_up() const;
  // The worker is to end, for good. Returns at once, and has_ended() tells when it has, of which
  // `changed` is told, too, if `tell` says so.
  void Stop(bool tell);
  bool has_ended() const { return ended_.load(std::memory_order_acquire); }
  // UNAVAILABLE / WORKER_DOWN while there is no worker.
  Result<Line> Connect();
  // Whether the worker of this line is still the one that runs.
  bool IsCurrent(const Line& line) const;
  Error Down() const;
  // The worker of this line is gone, as its session has found before anybody else.
  void NoteGone(const Line& line);
  void Interrupt(const Line& line, uint64_t run);
  // Nobody waits for the run under way in it any more. When it does not end soon, the worker hangs
  // and is ended.
  void GiveUp(Line line);

 private:
  using Clock = std::chrono::steady_clock;
  struct GivenUp {
    Descriptor socket;
    Clock::time_point since;
  };
  // What the threads share.
  struct Shared {
    Descriptor control;  // of the worker that runs; none: there is none
    uint64_t life = 0;
    bool is_gone = false;  // the worker of this life, though the supervisor does not know yet
    uint32_t sessions = 0;
    exec::ProcessState state;
    std::vector<GivenUp> given_up;
  };

  explicit WorkerProcess(WorkerOptions options) : options_(std::move(options)) {}
  Result<void> StartSupervisor();

  void Supervise();
  // Starts a worker and has it load the model.
  Result<Child> Launch(Descriptor& control);
  Result<LoadedFrame> AwaitLoaded(Child& child, int control);
  // Until the worker ended; how it did.
  std::string Watch(Child& child);
  // Why the worker is to be ended, if it is; when to look again.
  std::string FindHung(Clock::time_point& look);
  void EndGently(Child& child);
  void Settle(Result<void> result);
  // false when this is to end.
  bool Pause(std::chrono::milliseconds time);
  void Tell() const;

  const WorkerOptions options_;
  std::optional<LoadedFrame> loaded_;
  bool is_another_ = false;
  Descriptor wake_;  // an eventfd: something is new for the supervisor
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Shared shared_;
  bool stopping_ = false;
  bool tells_end_ = false;
  std::atomic<bool> ended_{false};
  std::optional<Result<void>> first_;  // how the first load ended
  std::thread supervisor_;             // workers die with the thread that starts them
};

}  // namespace slipway::engine::worker
