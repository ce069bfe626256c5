#include "engine/shared_run.h"

#include <algorithm>
#include <utility>

namespace slipway::engine {
namespace {

using Clock = std::chrono::steady_clock;

Error Cancelled() {
  return Error(Code::kCancelled, "REQUEST_CANCELLED", "the request was cancelled");
}

Error TooLate() {
  return Error(Code::kDeadlineExceeded, "REQUEST_TIMEOUT", "Request timeout expired");
}

}  // namespace

void SharedRun::Execute(const std::shared_ptr<SharedRun>& self,
                        std::span<const std::shared_ptr<EngineJob>> jobs) {
  self->started_ = Clock::now();
  self->Register(self, jobs);
  self->Perform();
}

void SharedRun::Register(const std::shared_ptr<SharedRun>& self,
                         std::span<const std::shared_ptr<EngineJob>> jobs) {
  std::lock_guard lock(mutex_);
  for (const std::shared_ptr<EngineJob>& job : jobs) {
    auto& run = static_cast<PendingRun&>(*job);
    const bool cancelled = run.whereabouts_.With([&](PendingRun::Whereabouts& whereabouts) {
      whereabouts.run = self;
      return whereabouts.cancelled;
    });
    members_.push_back({.run = &run, .rows = run.order_.rows, .begin = 0, .leaving = cancelled});
  }
}

void SharedRun::Perform() {
  EndLate();
  Result<SessionLease> lease = batcher_.model_->Borrow();
  if (lease.has_error()) {
    for (const Member& member : TakeAll()) {
      member.run->End(lease.error(), started_, Clock::now());
    }
    return;
  }
  if (members_.size() > 1 && batcher_.MayShare()) RunTogether(**lease);
  while (PendingRun* const next = BeginSole(**lease)) RunAlone(*next, **lease);
}

void SharedRun::EndLate() {
  std::vector<Member> leaving;
  std::vector<Member> late;
  {
    std::lock_guard lock(mutex_);
    leaving = TakeLeaving();
    std::erase_if(members_, [&](const Member& member) {
      const bool is_late = member.run->order_.run.deadline < started_;
      if (is_late) late.push_back(member);
      return is_late;
    });
  }
  EndCancelled(leaving);
  for (const Member& member : late) member.run->End(TooLate(), started_, Clock::now());
}

Result<void> SharedRun::Gather(SharedTensors& tensors) {
  std::vector<std::span<const tensor::Tensor>> requests;
  requests.reserve(members_.size());
  uint64_t begin = 0;
  for (Member& member : members_) {
    requests.push_back(member.run->order_.run.inputs);
    member.begin = std::exchange(begin, begin + member.rows);
  }
  return tensors.Gather(requests);
}

bool SharedRun::BeginShared(exec::Session& session) {
  std::vector<Member> leaving;
  bool any = false;
  {
    std::lock_guard lock(mutex_);
    leaving = TakeLeaving();
    any = !members_.empty();
    if (any) {
      phase_ = Phase::kShared;
      session_ = &session;
      cancelled_ = 0;
    }
  }
  EndCancelled(leaving);
  return any;
}

void SharedRun::RunTogether(exec::Session& session) {
  const std::shared_ptr<SharedTensors> tensors = batcher_.tensors_.Take();
  // Copied: the first may leave.
  const std::vector<uint32_t> wanted(members_.front().run->order_.run.wanted.begin(),
                                     members_.front().run->order_.run.wanted.end());
  RunTime deadline = RunTime::min();
  for (const Member& member : members_) {
    deadline = std::max(deadline, member.run->order_.run.deadline);
  }
  if (Gather(*tensors).has_error() || !BeginShared(session)) return;
  const RunTime begin = Clock::now();
  Result<void> result = RunAndWait(session, {.inputs = tensors->inputs(),
                                             .wanted = wanted,
                                             .outputs = tensors->outputs(wanted.size()),
                                             .deadline = deadline,
                                             .cancelled = &cancelled_});
  const RunTime end = Clock::now();
  EndRun();
  if (result.has_error()) return;
  result = tensors->CheckOutputs(batcher_.model_->signature(), wanted);
  if (result.has_error()) return batcher_.StopSharing(result.error());
  batcher_.model_->cost().Observe(InputElements(tensors->inputs()), end - begin);
  batcher_.Count(tensors->rows(), begin, end);
  for (const Member& member : TakeAll()) {
    SharedTensors::Show(tensors, member.begin, member.rows, member.run->order_.run.outputs);
    member.run->End({}, started_, end);
  }
}

PendingRun* SharedRun::BeginSole(exec::Session& session) {
  std::vector<Member> leaving;
  PendingRun* first = nullptr;
  {
    std::lock_guard lock(mutex_);
    leaving = TakeLeaving();
    if (!members_.empty()) {
      first = members_.front().run;
      phase_ = Phase::kSole;
      session_ = &session;
      cancelled_ = 0;
    }
  }
  EndCancelled(leaving);
  return first;
}

void SharedRun::RunAlone(PendingRun& run, exec::Session& session) {
  exec::Run order = run.order_.run;
  order.cancelled = &cancelled_;
  const RunTime begin = Clock::now();
  Result<void> result = begin > order.deadline ? TooLate() : RunAndWait(session, order);
  const RunTime end = Clock::now();
  EndRun();
  if (result.has_value()) {
    batcher_.model_->cost().Observe(InputElements(order.inputs), end - begin);
    batcher_.Count(std::max<uint64_t>(run.order_.rows, 1), begin, end);
  }
  {
    std::lock_guard lock(mutex_);
    members_.erase(members_.begin());
  }
  run.End(std::move(result), started_, end);
}

void SharedRun::EndRun() {
  std::lock_guard lock(mutex_);
  phase_ = Phase::kBusy;
  session_ = nullptr;
}

std::vector<SharedRun::Member> SharedRun::TakeLeaving() {
  std::vector<Member> leaving;
  std::erase_if(members_, [&](const Member& member) {
    if (member.leaving) leaving.push_back(member);
    return member.leaving;
  });
  return leaving;
}

std::vector<SharedRun::Member> SharedRun::TakeAll() {
  std::lock_guard lock(mutex_);
  return std::exchange(members_, {});
}

void SharedRun::EndCancelled(const std::vector<Member>& members) {
  for (const Member& member : members) member.run->End(Cancelled(), started_, Clock::now());
}

void SharedRun::Leave(PendingRun& run) {
  {
    std::lock_guard lock(mutex_);
    const auto at = std::find_if(members_.begin(), members_.end(),
                                 [&](const Member& member) { return member.run == &run; });
    if (at == members_.end()) return;
    const bool is_sole = phase_ == Phase::kSole && at == members_.begin();
    const bool is_last = phase_ == Phase::kShared && members_.size() == 1;
    if (phase_ == Phase::kBusy || is_sole || is_last) {
      at->leaving = true;
      if (session_ == nullptr) return;
      cancelled_ = 1;
      return session_->Interrupt();
    }
    members_.erase(at);
  }
  run.End(Cancelled(), started_, Clock::now());
}

}  // namespace slipway::engine
