#include "async/byte_pipe.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace slipway {

BytePipe::BytePipe(size_t capacity_bytes) : capacity_bytes_(std::max<size_t>(capacity_bytes, 1)) {}

Result<size_t> BytePipe::Read(uint64_t offset, char* out, size_t size) {
  std::unique_lock lock(mutex_);
  const bool failed = outcome_ && !outcome_->has_value() && held_bytes() == 0;
  if (run_ == 0 || offset != position_ || failed) {
    ++run_;
    buffer_.clear();
    taken_ = 0;
    outcome_.reset();
    position_ = offset;
    start_ = offset;
    changed_.notify_all();
  }
  changed_.wait(lock, [this] { return held_bytes() > 0 || outcome_; });
  if (held_bytes() == 0) {
    return outcome_->has_value() ? Result<size_t>(size_t{0}) : outcome_->error();
  }
  const size_t count = std::min(size, held_bytes());
  std::memcpy(out, buffer_.data() + taken_, count);
  taken_ += count;
  position_ += count;
  // Not at each read: moving the rest costs as much as copying it.
  if (taken_ * 2 >= buffer_.size()) {
    buffer_.erase(0, taken_);
    taken_ = 0;
  }
  changed_.notify_all();
  return count;
}

Result<void> BytePipe::AwaitEnd() {
  std::unique_lock lock(mutex_);
  if (run_ == 0) return {};
  changed_.wait(lock, [this] { return outcome_.has_value(); });
  return *outcome_;
}

void BytePipe::Close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

std::optional<uint64_t> BytePipe::NextStart() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return start_ || closed_; });
  if (closed_) return {};
  produced_run_ = run_;
  return std::exchange(start_, std::nullopt);
}

Result<void> BytePipe::Write(std::string_view piece) {
  std::unique_lock lock(mutex_);
  while (!piece.empty()) {
    changed_.wait(lock, [this] { return IsStale() || held_bytes() < capacity_bytes_; });
    if (IsStale()) {
      return Error(Code::kCancelled, "PIPE_MOVED", "the bytes are no longer wanted");
    }
    const size_t count = std::min(piece.size(), capacity_bytes_ - held_bytes());
    buffer_.append(piece.substr(0, count));
    piece.remove_prefix(count);
    changed_.notify_all();
  }
  return {};
}

void BytePipe::Finish(Result<void> outcome) {
  const std::lock_guard lock(mutex_);
  if (IsStale()) return;
  outcome_ = std::move(outcome);
  changed_.notify_all();
}

}  // namespace slipway
