#include "engine/worker/model.h"

#include <utility>

#include "engine/worker/session.h"

namespace slipway::engine::worker {
namespace {

class WorkerModel final : public exec::Model {
 public:
  explicit WorkerModel(std::unique_ptr<WorkerProcess> process) : process_(std::move(process)) {}

  const tensor::Signature& signature() const override { return process_->loaded().signature; }
  std::string_view platform() const override { return process_->loaded().platform; }
  // It does; but nobody is to wait for another process where other work waits for him.
  bool completes_in_call() const override { return false; }
  bool decoupled() const override { return process_->loaded().decoupled; }
  Result<std::unique_ptr<exec::Session>> OpenSession() override {
    return std::unique_ptr<exec::Session>(std::make_unique<WorkerSession>(*process_));
  }
  std::optional<exec::ProcessState> process() const override { return process_->state(); }

 private:
  const std::unique_ptr<WorkerProcess> process_;
};

}  // namespace

Result<std::unique_ptr<exec::Model>> LoadInWorker(WorkerOptions options) {
  TRY(process, WorkerProcess::Start(std::move(options)));
  return std::unique_ptr<exec::Model>(std::make_unique<WorkerModel>(std::move(process)));
}

}  // namespace slipway::engine::worker
