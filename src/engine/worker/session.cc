#include "engine/worker/session.h"

#include <algorithm>
#include <climits>
#include <numeric>
#include <utility>

#include "base/log.h"
#include "engine/worker/limits.h"

namespace slipway::engine::worker {
namespace {

using Clock = std::chrono::steady_clock;

int64_t DeadlineNs(Clock::time_point deadline) {
  if (deadline == Clock::time_point::max()) return INT64_MAX;
  return std::chrono::duration_cast<std::chrono::nanoseconds>(deadline.time_since_epoch()).count();
}

Clock::time_point EndOfWait(Clock::time_point deadline) {
  if (deadline >= Clock::time_point::max() - kRunGrace) return Clock::time_point::max();
  return std::max(deadline, Clock::now()) + kRunGrace;
}

bool IsCancelled(const exec::Run& run) {
  return run.cancelled != nullptr && run.cancelled->load(std::memory_order_relaxed) != 0;
}

}  // namespace

void WorkerSession::Start(const exec::Run& run, exec::RunObserver& observer) {
  Result<void> ran = Run(run, observer);
  {
    std::lock_guard lock(mutex_);
    is_running_ = false;
  }
  Shrink();
  if (ran.has_value()) return observer.OnResponse(true);
  observer.OnError(ran.error());
}

Result<void> WorkerSession::Run(const exec::Run& run, exec::RunObserver& observer) {
  if (!line_ || !process_.IsCurrent(*line_)) TRY_VOID(Connect());
  TRY_VOID(Send(run));
  while (true) {
    TRY(frame, Await(run));
    if (auto* failed = std::get_if<FailedFrame>(&frame)) {
      return Error(failed->code, failed->reason.empty() ? "ENGINE_BUG" : failed->reason,
                   std::move(failed->message));
    }
    if (const auto* need = std::get_if<NeedFrame>(&frame)) {
      TRY_VOID(MakeRoom(need->size_bytes));
      continue;
    }
    const auto* done = std::get_if<DoneFrame>(&frame);
    if (done == nullptr) return Lost(DataLoss("WORKER_FRAME", "no answer to a run"));
    Result<void> taken = Take(*done, run);
    if (taken.has_error() && taken.error().code() == Code::kDataLoss) return Lost(taken.error());
    if (taken.has_error()) line_.reset();  // its worker's end of the session goes with it
    if (taken.has_error() || done->last) return taken;
    observer.OnResponse(false);
    const Result<void> sent = SendFrame(line_->socket.get(), NextFrame{});
    if (sent.has_error()) return Lost(sent.error());
  }
}

Result<void> WorkerSession::Connect() {
  TRY(line, process_.Connect());
  std::lock_guard lock(mutex_);
  line_ = std::move(line);
  // A run of the last session that still goes on, against the protocol, keeps what it was given.
  input_ = Segment();
  output_ = Segment();
  told_input_ = false;
  told_output_ = false;
  return {};
}

uint64_t WorkerSession::ExpectedBytes(const exec::Run& run) const {
  const tensor::Signature& signature = process_.loaded().signature;
  uint64_t bytes = 0;
  for (const uint32_t index : run.wanted) {
    const auto shape = tensor::PredictOutputShape(signature, index, run.inputs);
    if (!shape) continue;
    const Result<uint64_t> count = shape->ElementCount();
    if (count.has_error()) continue;
    bytes += *count * ElementSize(signature.outputs[index].type) + kSegmentAlignment;
  }
  return bytes;
}

Result<void> WorkerSession::Send(const exec::Run& run) {
  std::vector<uint32_t> indices(run.inputs.size());
  std::iota(indices.begin(), indices.end(), 0);
  Layout layout = LayOut(run.inputs, indices);
  if (input_.size_bytes() < std::max<uint64_t>(layout.size_bytes, 1)) {
    TRY(segment, Segment::Make(layout.size_bytes));
    input_ = std::move(segment);
    told_input_ = false;
  }
  const uint64_t expected = ExpectedBytes(run);
  if (output_.size_bytes() < std::max<uint64_t>(expected, 1)) {
    TRY(segment, Segment::Make(expected));
    output_ = std::move(segment);
    told_output_ = false;
  }
  CopyIn(run.inputs, layout, input_);
  RunFrame frame{.deadline_ns = DeadlineNs(run.deadline),
                 .has_new_input = !told_input_,
                 .has_new_output = !told_output_,
                 .inputs = std::move(layout.places),
                 .wanted = {run.wanted.begin(), run.wanted.end()}};
  std::vector<int> descriptors;
  if (!told_input_) descriptors.push_back(input_.descriptor());
  if (!told_output_) descriptors.push_back(output_.descriptor());
  {
    std::lock_guard lock(mutex_);
    frame.run = ++runs_;
    is_running_ = true;
  }
  const Result<void> sent = SendFrame(line_->socket.get(), frame, descriptors);
  if (sent.has_error()) {
    return sent.error().code() == Code::kUnavailable ? Lost(sent.error()) : sent;
  }
  told_input_ = true;
  told_output_ = true;
  // Interrupt does nothing before there is a run.
  if (IsCancelled(run)) Interrupt();
  return {};
}

Result<Frame> WorkerSession::Await(const exec::Run& run) {
  if (!WaitForFrame(line_->socket.get(), EndOfWait(run.deadline))) {
    Interrupt();
    std::optional<Line> line;
    {
      std::lock_guard lock(mutex_);
      line = std::exchange(line_, std::nullopt);
    }
    process_.GiveUp(*std::move(line));
    // The run that goes on keeps these.
    input_ = Segment();
    output_ = Segment();
    return Error(Code::kDeadlineExceeded, "RUN_DEADLINE", "Request timeout expired");
  }
  Result<Packet> packet = ReceiveFrame(line_->socket.get());
  if (packet.has_error()) return Lost(packet.error());
  const auto* done = std::get_if<DoneFrame>(&packet->frame);
  const auto* need = std::get_if<NeedFrame>(&packet->frame);
  if ((done != nullptr && done->run != runs_) || (need != nullptr && need->run != runs_)) {
    return Lost(DataLoss("WORKER_FRAME", "an answer to another run"));
  }
  return std::move(packet->frame);
}

Result<void> WorkerSession::MakeRoom(uint64_t bytes) {
  Result<Segment> segment = Segment::Make(bytes);
  if (segment.has_error()) {
    std::lock_guard lock(mutex_);
    line_.reset();
    return segment.error();
  }
  output_ = *std::move(segment);
  const Result<void> sent = SendFrame(line_->socket.get(), RoomFrame{}, {output_.descriptor()});
  if (sent.has_error()) return Lost(sent.error());
  return {};
}

Result<void> WorkerSession::Take(const DoneFrame& done, const exec::Run& run) {
  const tensor::Signature& signature = process_.loaded().signature;
  if (done.outputs.size() != run.wanted.size()) {
    return DataLoss("WORKER_FRAME", "another number of outputs than was asked for");
  }
  for (size_t i = 0; i < run.wanted.size(); ++i) {
    const TensorPlace& place = done.outputs[i];
    if (place.index != run.wanted[i] || place.type != signature.outputs[place.index].type) {
      return DataLoss("WORKER_FRAME", "another output than was asked for");
    }
    TRY_VOID(CopyOut(place, output_, run.outputs[i]));
  }
  return {};
}

Error WorkerSession::Lost(const Error& error) {
  if (error.code() == Code::kDataLoss) {
    LogError("a worker broke the protocol", {{"error", error}});
  }
  if (error.code() == Code::kUnavailable && line_) process_.NoteGone(*line_);
  std::lock_guard lock(mutex_);
  line_.reset();
  if (error.code() == Code::kUnavailable) {
    return Unavailable("WORKER_DOWN",
                       "the process of this model ended while it ran this request, and is being "
                       "started again: try again");
  }
  return Internal("WORKER_FRAME",
                  "the process of this model gave no valid answer; the log of the data plane says "
                  "more");
}

void WorkerSession::Interrupt() {
  std::lock_guard lock(mutex_);
  if (is_running_ && line_) process_.Interrupt(*line_, runs_);
}

void WorkerSession::Shrink() {
  DropFrame drop;
  const auto shrink = [](Segment& segment, bool& told, bool& dropped) {
    if (segment.size_bytes() <= kKeepSegmentBytes) return;
    segment = Segment();
    dropped = std::exchange(told, false);
  };
  shrink(input_, told_input_, drop.input);
  shrink(output_, told_output_, drop.output);
  if (!line_ || (!drop.input && !drop.output)) return;
  const Result<void> sent = SendFrame(line_->socket.get(), drop);
  if (!sent.has_error()) return;
  // What the worker holds goes with its end of the session.
  std::lock_guard lock(mutex_);
  line_.reset();
}

}  // namespace slipway::engine::worker
