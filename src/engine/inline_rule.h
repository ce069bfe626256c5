// The inline rule: whether a request is run on the core that received it.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>

#include "engine/limits.h"

namespace slipway::engine {

struct InlineQuestion {
  // What the run will take; nothing before the model has shown it with inputs of about this size.
  std::optional<std::chrono::nanoseconds> predicted;
  // What the core may still compute in this turn of its loop.
  std::chrono::nanoseconds budget_left{0};
  // The engine returns from a call only when the run is over.
  bool completes_in_call = false;
  // No run of the model has held a core for long (LoadedModel::Distrust).
  bool trusted = true;
  // Requests for the model share runs, and so many wait for one.
  bool shares_runs = false;
  size_t waiting = 0;
};

// It is when the run costs less than a hop to another thread and back, the core has time for it in
// this turn of its loop, and it could not join others in their run.
constexpr bool RunsInline(const InlineQuestion& question) {
  return question.completes_in_call && question.trusted && question.predicted.has_value() &&
         *question.predicted < kInlineCost && *question.predicted <= question.budget_left &&
         !(question.shares_runs && question.waiting > 0);
}

}  // namespace slipway::engine
