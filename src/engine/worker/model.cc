#include "engine/worker/model.h"

#include <utility>

#include "engine/worker/group.h"

namespace slipway::engine::worker {
namespace {

class WorkerModel final : public exec::Model {
 public:
  WorkerModel(std::unique_ptr<WorkerGroup> group, bool process_for_each_run)
      : process_for_each_run_(process_for_each_run), group_(std::move(group)) {}

  const tensor::Signature& signature() const override { return group_->loaded().signature; }
  std::string_view platform() const override { return group_->loaded().platform; }
  // It does; but nobody is to wait for another process where other work waits for him.
  bool completes_in_call() const override { return false; }
  bool decoupled() const override { return group_->loaded().decoupled; }
  Result<std::unique_ptr<exec::Session>> OpenSession() override {
    return std::unique_ptr<exec::Session>(std::make_unique<GroupSession>(*group_));
  }
  std::optional<exec::ProcessState> process() const override { return group_->state(); }
  void ExpectRuns(size_t runs) override {
    if (process_for_each_run_) group_->Resize(runs);
  }

 private:
  const bool process_for_each_run_;
  const std::unique_ptr<WorkerGroup> group_;
};

}  // namespace

Result<std::unique_ptr<exec::Model>> LoadInWorker(WorkerOptions options) {
  const bool process_for_each_run = options.process_for_each_run;
  TRY(group, WorkerGroup::Start(std::move(options)));
  return std::unique_ptr<exec::Model>(
      std::make_unique<WorkerModel>(std::move(group), process_for_each_run));
}

}  // namespace slipway::engine::worker
