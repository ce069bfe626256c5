// A model that a program on loopback serves by the V2 protocol, as exec::Model.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "exec/model.h"

namespace slipway::engine::program {

struct V2Options {
  uint16_t port = 0;
  std::vector<std::string> names;  // of models: the first that the program knows
  std::chrono::milliseconds start_timeout{0};
  // Waits so long for the program's end; how it ended, if it did.
  std::function<std::string(std::chrono::milliseconds)> ended_within;
  // The time of a run is over and there is no answer. Any thread.
  std::function<void()> overdue;
};

// Waits until the program is ready. FAILED_PRECONDITION: PROGRAM_ENDED, PROGRAM_NOT_READY,
// PROGRAM_MODEL_UNKNOWN, PROGRAM_METADATA.
Result<std::unique_ptr<exec::Model>> ConnectV2(V2Options options);

// Whether the program says within `time` that it lives.
bool IsAlive(uint16_t port, std::chrono::milliseconds time);

}  // namespace slipway::engine::program
