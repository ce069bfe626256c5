// InlineWatch: ends runs on a core that were thought cheap and are not.
//
// What a run costs is learnt from the sizes of its inputs. Where it depends on their values as well
// (a loop whose count is an input), one request could hold a core, and with it everything that the
// core does, for as long as it likes.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>

#include "exec/model.h"

namespace slipway::gateway {

// The run that a core may be in the middle of.
class InlineRun {
 public:
  // On the core, around the run.
  void Begin(exec::Session& session);
  // Whether the run was interrupted; its outcome is then no answer.
  bool End();

  // On the watch's thread: interrupts a run that was under way at the last look, too.
  void Look();

 private:
  enum State : uint32_t { kIdle, kRunning, kHeld };  // kHeld: it may not end now

  std::atomic<uint32_t> state_{kIdle};
  std::atomic<uint64_t> number_{0};
  exec::Session* session_ = nullptr;
  bool interrupted_ = false;  // written by the watch while kHeld
  uint64_t seen_ = 0;         // the watch's: the run of its last look
};

// Calls `look` every kInlineLook on a thread of its own until it is destroyed.
class InlineWatch {
 public:
  explicit InlineWatch(std::function<void()> look);

 private:
  std::jthread thread_;
};

}  // namespace slipway::gateway
