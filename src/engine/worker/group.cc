#include "engine/worker/group.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace slipway::engine::worker {
namespace {

// Tells the end of a run only after `before_end`: then the session is free for the next one.
template <typename BeforeEnd>
class EndWatcher final : public exec::RunObserver {
 public:
  EndWatcher(exec::RunObserver& observer, BeforeEnd before_end)
      : observer_(observer), before_end_(std::move(before_end)) {}
  void OnResponse(bool last) override {
    if (last) before_end_();
    observer_.OnResponse(last);
  }
  void OnError(const Error& error) override {
    before_end_();
    observer_.OnError(error);
  }

 private:
  exec::RunObserver& observer_;
  const BeforeEnd before_end_;
};

}  // namespace

Result<std::unique_ptr<WorkerGroup>> WorkerGroup::Start(WorkerOptions options) {
  TRY(first, WorkerProcess::Start(options));
  return std::unique_ptr<WorkerGroup>(new WorkerGroup(std::move(options), std::move(first)));
}

WorkerGroup::WorkerGroup(WorkerOptions options, std::unique_ptr<WorkerProcess> first)
    : options_(std::move(options)), loaded_(first->loaded()) {
  members_.push_back(std::make_shared<Member>(std::move(first)));
}

WorkerGroup::~WorkerGroup() {
  // All at once, then each is waited for.
  for (const std::shared_ptr<Member>& member : members_) member->process->Stop(false);
}

exec::ProcessState WorkerGroup::state() const {
  exec::ProcessState sum;
  std::vector<std::shared_ptr<Member>> members;
  {
    std::lock_guard lock(mutex_);
    members = members_;
    sum.restarts = restarts_before_;
  }
  // Each looks into /proc: requests do not wait for that.
  for (const std::shared_ptr<Member>& member : members) {
    exec::ProcessState one = member->process->state();
    if (sum.pid == 0) sum.pid = one.pid;
    sum.processes += one.pid != 0 ? 1 : 0;
    sum.restarts += one.restarts;
    sum.memory_bytes += one.memory_bytes;
    if (!one.last_end.empty()) sum.last_end = std::move(one.last_end);
  }
  return sum;
}

void WorkerGroup::Resize(size_t processes) {
  std::lock_guard lock(mutex_);
  Prune();
  size_t stay = 0;
  for (const std::shared_ptr<Member>& member : members_) {
    if (member->leaving || ++stay <= std::max<size_t>(processes, 1)) continue;
    member->leaving = true;
    if (member->runs == 0) member->process->Stop(true);
  }
  for (; stay < processes; ++stay) {
    Result<std::unique_ptr<WorkerProcess>> another = WorkerProcess::StartAnother(options_, loaded_);
    if (another.has_error()) {
      return LogError("no further process for a model",
                      {{"model", options_.name}, {"error", another.error()}});
    }
    members_.push_back(std::make_shared<Member>(*std::move(another)));
  }
}

std::shared_ptr<WorkerGroup::Member> WorkerGroup::Enter(const Member* before) {
  std::lock_guard lock(mutex_);
  const auto worse = [before](const Member& a, const Member& b) {
    if (a.leaving != b.leaving) return a.leaving;
    if (a.process->is_up() != b.process->is_up()) return !a.process->is_up();
    if (a.runs != b.runs) return a.runs > b.runs;
    return &b == before && &a != before;
  };
  auto best = members_.begin();
  for (auto next = best + 1; next != members_.end(); ++next) {
    if (worse(**best, **next)) best = next;
  }
  ++(*best)->runs;
  return *best;
}

void WorkerGroup::Leave(Member& member) {
  std::lock_guard lock(mutex_);
  if (--member.runs == 0 && member.leaving) member.process->Stop(true);
}

bool WorkerGroup::IsLeaving(const Member& member) const {
  std::lock_guard lock(mutex_);
  return member.leaving;
}

void WorkerGroup::Prune() {
  std::erase_if(members_, [this](const std::shared_ptr<Member>& member) {
    if (!member->leaving || !member->process->has_ended()) return false;
    restarts_before_ += member->process->state().restarts;
    return true;
  });
}

void GroupSession::Start(const exec::Run& run, exec::RunObserver& observer) {
  const WorkerGroup::Member* const before = seats_.empty() ? nullptr : seats_.front().member.get();
  const std::shared_ptr<WorkerGroup::Member> member = group_.Enter(before);
  WorkerSession& session = Sit(member);
  {
    std::lock_guard lock(mutex_);
    running_ = &session;
    member_ = member;
  }
  EndWatcher watcher(observer, [this] { Stand(); });
  session.Start(run, watcher);
}

void GroupSession::Interrupt() {
  std::lock_guard lock(mutex_);
  if (running_ != nullptr) running_->Interrupt();
}

WorkerSession& GroupSession::Sit(const std::shared_ptr<WorkerGroup::Member>& member) {
  std::erase_if(seats_, [this, &member](const Seat& seat) {
    return seat.member != member && group_.IsLeaving(*seat.member);
  });
  const auto at = std::ranges::find(seats_, member, &Seat::member);
  if (at == seats_.end()) {
    seats_.insert(seats_.begin(),
                  {.member = member, .session = std::make_unique<WorkerSession>(*member->process)});
  } else {
    std::rotate(seats_.begin(), at, at + 1);
  }
  return *seats_.front().session;
}

void GroupSession::Stand() {
  std::shared_ptr<WorkerGroup::Member> member;
  {
    std::lock_guard lock(mutex_);
    running_ = nullptr;
    member = std::move(member_);
  }
  group_.Leave(*member);
}

}  // namespace slipway::engine::worker
