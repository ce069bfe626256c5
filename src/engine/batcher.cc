#include "engine/batcher.h"

#include <utility>

#include "engine/shared_run.h"

namespace slipway::engine {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

bool PendingRun::SharesRunWith(const EngineJob& other) const {
  const auto& their = static_cast<const PendingRun&>(other).order_.run;
  const exec::Run& ours = order_.run;
  return batcher_->MayShare() &&
         std::equal(ours.wanted.begin(), ours.wanted.end(), their.wanted.begin(),
                    their.wanted.end()) &&
         SameButRows(ours.inputs, their.inputs);
}

void PendingRun::Execute(std::span<const std::shared_ptr<EngineJob>> jobs) {
  SharedRun::Execute(std::make_shared<SharedRun>(*batcher_), jobs);
}

void PendingRun::Expire() {
  const RunTime now = Clock::now();
  End(Unavailable("QUEUE_TIMEOUT",
                  "Request timeout expired: it waited as long as this service lets requests wait "
                  "(batching.queueTimeout)"),
      now, now);
}

void PendingRun::End(Result<void> result, RunTime started, RunTime ended) {
  result_ = std::move(result);
  started_ = started;
  ended_ = ended;
  whereabouts_.With([](Whereabouts& whereabouts) { whereabouts.run = nullptr; });
  // The owner may use this object again before the call returns.
  const std::function<void()> done = std::exchange(order_.done, nullptr);
  done();
}

Batcher::Batcher(EngineThreads& threads, Options options)
    : threads_(threads),
      max_rows_(options.policy.max_rows),
      unbatched_(std::move(options.unbatched)),
      sharing_(options.policy.max_rows > 1),
      queue_(options.width, std::move(options.policy)) {}

Batcher::~Batcher() {
  CHECK(Pending() == 0);
}

bool Batcher::Submit(const std::shared_ptr<PendingRun>& run, PendingRun::Order order) {
  run->batcher_ = this;
  run->order_ = std::move(order);
  if (!MayShare()) run->order_.rows = 0;
  run->whereabouts_.With([](PendingRun::Whereabouts& whereabouts) { whereabouts = {}; });
  run->result_ = {};
  run->SetWish({.rows = run->order_.rows,
                .level = run->order_.level,
                .arrived = Clock::now(),
                .expires = run->order_.expires,
                .deadline = run->order_.run.deadline});
  if (threads_.Submit(queue_, run)) return true;
  run->order_.done = nullptr;
  return false;
}

void Batcher::Cancel(PendingRun& run) {
  if (threads_.Withdraw(queue_, run)) {
    const RunTime now = Clock::now();
    return run.End(Error(Code::kCancelled, "REQUEST_CANCELLED", "the request was cancelled"), now,
                   now);
  }
  const std::shared_ptr<SharedRun> shared =
      run.whereabouts_.With([](PendingRun::Whereabouts& whereabouts) {
        whereabouts.cancelled = true;
        return whereabouts.run;
      });
  if (shared != nullptr) shared->Leave(run);
}

void Batcher::StopSharing(const Error& why) {
  if (sharing_.exchange(false) && unbatched_) unbatched_(why);
}

void Batcher::Count(uint64_t rows, RunTime begin, RunTime end) {
  const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(end - begin).count();
  stats_.With([&](BatchStats& stats) {
    if (stats.size() >= kMaxBatchStats && !stats.contains(rows)) return;
    BatchStat& stat = stats[rows];
    ++stat.runs;
    stat.infer_ns += static_cast<uint64_t>(ns);
  });
}

}  // namespace slipway::engine
