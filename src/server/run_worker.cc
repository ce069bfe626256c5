// slipway worker
#include "engine/worker/worker.h"
#include "gateway/serve_program.h"
#include "server/programs.h"

namespace slipway::server {

Result<void> RunWorker(int argc, const char* const* argv) {
  gateway::TuneProcess();
  return engine::worker::RunWorker(argc, argv);
}

}  // namespace slipway::server
