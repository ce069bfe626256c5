// AnswerWatch: decides whether the data plane answers. A state machine without I/O and without a
// clock of its own: the keeper asks the data plane in turns and tells what came of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/clock.h"

namespace slipway::agent {

class AnswerWatch {
 public:
  struct Options {
    // Without an answer for so long, the data plane counts as one that does not answer.
    std::chrono::milliseconds limit{5'000};
    // The same for one that has just been started and has not answered yet.
    std::chrono::milliseconds start_limit{30'000};
    // One that does not answer, and that nobody outside holds still, is ended after so long. 0:
    // never.
    std::chrono::milliseconds end_after{60'000};
  };
  explicit AnswerWatch(Options options) : options_(options) {}

  // The pause between two turns.
  std::chrono::milliseconds interval() const;
  // Another data plane, which has answered nothing yet.
  void Begin(SteadyTime now);
  // A turn is over in which the data plane had a question. It counts for two intervals at most: in
  // more than that the agent has not been running either (the machine slept, or was that slow), and
  // such time is nobody's silence. `held`: somebody outside holds the data plane still.
  void Turn(SteadyTime now, bool held);
  // A turn is over in which it had none.
  void Pause(SteadyTime now) { turned_ = now; }
  // It answered, all but these cores.
  void Answered(const std::vector<int64_t>& silent_cores);

  bool is_silent() const { return Silence() >= limit(); }
  // The limit that holds now.
  std::chrono::milliseconds limit() const {
    return has_answered_ ? options_.limit : options_.start_limit;
  }
  // The core that has been silent for longest, where the others answer.
  std::optional<int64_t> silent_core() const;
  // Whether it is to be ended.
  bool is_lost() const;

 private:
  std::chrono::milliseconds Silence() const;

  const Options options_;
  bool has_answered_ = false;
  SteadyTime turned_;
  std::chrono::milliseconds silence_{0};                // of all of it
  std::map<int64_t, std::chrono::milliseconds> cores_;  // silence of those that are
  std::chrono::milliseconds hung_{0};                   // silent or in part so, and not held
};

}  // namespace slipway::agent
