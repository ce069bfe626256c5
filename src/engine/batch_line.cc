#include "engine/batch_line.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace slipway::engine {
namespace {

// Nobody is held so long that too little is left for the run.
RunTime HoldUntil(const EngineJob::Wish& wish, std::chrono::microseconds max_delay) {
  const RunTime end = wish.arrived + max_delay;
  const RunTime last = std::min(wish.deadline, wish.expires);
  if (last == RunTime::max()) return end;
  return std::min(end, wish.arrived + (last - wish.arrived) / 2);
}

}  // namespace

// Goes through those who wait, in their order; moves those that are late behind the others.
class BatchLine::Walk {
 public:
  Walk(BatchLine& line, RunTime now)
      : line_(line), now_(now), delays_(line.policy_.timeout_action == TimeoutAction::kDelay) {
    Enter(0);
  }

  // The next one, or null.
  EngineJob* Next() {
    while (level_ < line_.levels_.size()) {
      Level& level = line_.levels_[level_];
      if (in_late_) {
        if (at_ != level.late.end()) return (at_++)->get();
        Enter(level_ + 1);
        continue;
      }
      if (at_ == level.fresh.end()) {
        in_late_ = true;
        at_ = level.late.begin();
        continue;
      }
      const auto current = at_++;
      if (!delays_ || (*current)->wish_.expires > now_) return current->get();
      (*current)->list_ = &level.late;
      level.late.splice(level.late.end(), level.fresh, current);
    }
    return nullptr;
  }

 private:
  void Enter(size_t level) {
    level_ = level;
    in_late_ = false;
    if (level < line_.levels_.size()) at_ = line_.levels_[level].fresh.begin();
  }

  BatchLine& line_;
  const RunTime now_;
  const bool delays_;
  size_t level_ = 0;
  bool in_late_ = false;
  EngineJob::List::iterator at_;
};

BatchLine::BatchLine(LinePolicy policy)
    : policy_(std::move(policy)), levels_(std::max<uint32_t>(policy_.levels, 1)) {}

bool BatchLine::Add(Job job) {
  if (size_ >= policy_.max_waiting) return false;
  EngineJob& added = *job;
  CHECK(added.list_ == nullptr);
  const size_t level = std::clamp<size_t>(added.wish_.level, 1, levels_.size());
  added.list_ = &levels_[level - 1].fresh;
  added.place_ = added.list_->insert(added.list_->end(), std::move(job));
  added.hold_until_ = HoldUntil(added.wish_, policy_.max_delay);
  ++size_;
  return true;
}

BatchLine::Job BatchLine::Unlink(EngineJob& job) {
  Job out = std::move(*job.place_);
  std::exchange(job.list_, nullptr)->erase(job.place_);
  --size_;
  return out;
}

bool BatchLine::Remove(EngineJob& job) {
  if (job.list_ == nullptr) return false;
  // Kept to the end of this call at least by its caller, who named it.
  Unlink(job);
  return true;
}

void BatchLine::MakePlan(RunTime now) {
  plan_.members.clear();
  plan_.count = 0;
  plan_.due = RunTime::max();
  Walk walk(*this, now);
  EngineJob* const first = walk.Next();
  if (first == nullptr) return;
  plan_.members.push_back(first);
  plan_.count = 1;
  plan_.due = now;
  uint64_t rows = first->wish_.rows;
  if (policy_.max_rows < 2 || rows == 0) return;
  const auto is_preferred = [&](uint64_t size) {
    return std::find(policy_.preferred_rows.begin(), policy_.preferred_rows.end(), size) !=
           policy_.preferred_rows.end();
  };
  size_t preferred = is_preferred(rows) ? 1 : 0;
  RunTime hold_until = first->hold_until_;
  // Somebody waits whom a longer wait of this batch would only keep waiting.
  bool others = false;
  for (size_t looked = 1; looked < kMaxLookAhead && rows < policy_.max_rows; ++looked) {
    EngineJob* const next = walk.Next();
    if (next == nullptr) break;
    if (next->wish_.rows == 0 || rows + next->wish_.rows > policy_.max_rows ||
        !first->SharesRunWith(*next)) {
      others = true;
      continue;
    }
    plan_.members.push_back(next);
    rows += next->wish_.rows;
    hold_until = std::min(hold_until, next->hold_until_);
    if (is_preferred(rows)) preferred = plan_.members.size();
  }
  const bool full = rows >= policy_.max_rows;
  plan_.count = !full && preferred > 0 ? preferred : plan_.members.size();
  if (!full && !others && preferred == 0 && now < hold_until) plan_.due = hold_until;
}

RunTime BatchLine::BatchDue(RunTime now) {
  if (empty()) return RunTime::max();
  if (policy_.max_delay.count() == 0) return now;
  MakePlan(now);
  return plan_.due;
}

void BatchLine::Take(RunTime now, std::vector<Job>& out) {
  MakePlan(now);
  if (plan_.count == 0 || plan_.due > now) return;
  for (EngineJob* job : std::span(plan_.members).first(plan_.count)) out.push_back(Unlink(*job));
}

RunTime BatchLine::ExpiryDue() const {
  RunTime due = RunTime::max();
  if (policy_.timeout_action != TimeoutAction::kReject) return due;
  for (const Level& level : levels_) {
    // With this action all of a line may wait equally long: the first to come is the first to go.
    if (!level.fresh.empty()) due = std::min(due, level.fresh.front()->wish_.expires);
  }
  return due;
}

void BatchLine::TakeExpired(RunTime now, std::vector<Job>& out) {
  if (policy_.timeout_action != TimeoutAction::kReject) return;
  for (Level& level : levels_) {
    while (!level.fresh.empty() && level.fresh.front()->wish_.expires <= now) {
      out.push_back(Unlink(*level.fresh.front()));
    }
  }
}

}  // namespace slipway::engine
