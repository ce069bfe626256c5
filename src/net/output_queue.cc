#include "net/output_queue.h"

#include "base/check.h"
#include "net/limits.h"

namespace slipway::net {

void OutputQueue::Append(std::string_view bytes) {
  if (bytes.empty()) return;
  if (first_ < segments_.size() && segments_.back().other == nullptr) {
    segments_.back().bytes += bytes.size();
  } else {
    segments_.push_back({.at = own_.size(), .bytes = bytes.size()});
  }
  own_.append(bytes);
  pending_ += bytes.size();
}

void OutputQueue::Refer(std::string_view bytes) {
  if (bytes.empty()) return;
  segments_.push_back({.other = bytes.data(), .bytes = bytes.size()});
  pending_ += bytes.size();
}

std::span<iovec> OutputQueue::Buffers(std::span<iovec> out) const {
  size_t count = 0;
  for (size_t i = first_; i < segments_.size() && count < out.size(); ++i) {
    const Segment& segment = segments_[i];
    const char* const begin = (segment.other != nullptr ? segment.other : own_.data()) + segment.at;
    out[count++] = {.iov_base = const_cast<char*>(begin), .iov_len = segment.bytes};
  }
  return out.first(count);
}

void OutputQueue::Consume(size_t bytes) {
  CHECK(bytes <= pending_);
  pending_ -= bytes;
  if (pending_ == 0) return Clear();
  while (bytes >= segments_[first_].bytes) bytes -= segments_[first_++].bytes;
  segments_[first_].at += bytes;
  segments_[first_].bytes -= bytes;
}

void OutputQueue::Clear() {
  own_.clear();
  if (own_.capacity() > kMaxIdleBufferBytes) std::string().swap(own_);
  segments_.clear();
  first_ = 0;
  pending_ = 0;
  retained_.clear();
}

}  // namespace slipway::net
