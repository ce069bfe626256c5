// A program on loopback that speaks HTTP of its own, as exec::Model: a run is one request that is
// passed to it, and the answer comes in as many parts as it has.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "engine/program/limits.h"
#include "exec/model.h"

namespace slipway::engine::program {

struct HttpOptions {
  uint16_t port = 0;
  std::string ready_path;  // answers 200 once it is ready; empty: somebody listens
  std::chrono::milliseconds start_timeout{0};
  // Waits so long for the program's end; how it ended, if it did.
  std::function<std::string(std::chrono::milliseconds)> ended_within;
  // The time of a run is over and there is no answer. Any thread.
  std::function<void()> overdue;
};

// Waits until the program is ready; the signature is that of engine/passed_http.h.
// FAILED_PRECONDITION: PROGRAM_ENDED, PROGRAM_NOT_READY.
Result<std::unique_ptr<exec::Model>> ConnectHttp(HttpOptions options);

// Whether the program answers on its ready path, or listens where it has none, within `time`.
bool IsHttpAlive(uint16_t port, const std::string& ready_path, std::chrono::milliseconds time);

}  // namespace slipway::engine::program
