// A model that runs in a process of its own, as exec::Model.
#pragma once

#include <memory>
#include <string_view>

#include "engine/worker/process.h"
#include "exec/model.h"

namespace slipway::engine::worker {

// Errors: those of WorkerProcess::Start.
Result<std::unique_ptr<exec::Model>> LoadInWorker(WorkerOptions options);

}  // namespace slipway::engine::worker
