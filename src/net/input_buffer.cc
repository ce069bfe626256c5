#include "net/input_buffer.h"

#include <algorithm>
#include <cstring>

#include "net/limits.h"

namespace slipway::net {

void InputBuffer::Grow(size_t min_room) {
  if (room_bytes() < min_room) Reserve(end_ - begin_ + min_room);
}

void InputBuffer::GrowForBody(size_t head_bytes) {
  const size_t body = next_ + head_bytes;
  if (capacity_ < kMaxReadAheadBytes) return Grow(kMinBodyRoomBytes);
  if (capacity_ - body < kMinBodyRoomBytes) Reserve(body - begin_ + kMinBodyRoomBytes);
}

void InputBuffer::Reserve(size_t bytes) {
  const size_t used = end_ - begin_;
  size_t capacity = std::max(capacity_, kFirstBufferBytes);
  while (capacity < bytes) capacity *= 2;
  if (capacity == capacity_) {
    std::memmove(data_.get(), data_.get() + begin_, used);
  } else {
    auto larger = std::make_unique_for_overwrite<char[]>(capacity + kBufferPadding);
    std::memset(larger.get() + capacity, 0, kBufferPadding);
    if (used > 0) std::memcpy(larger.get(), data_.get() + begin_, used);
    data_ = std::move(larger);
    capacity_ = capacity;
  }
  next_ -= begin_;
  body_ = body_ >= begin_ ? body_ - begin_ : 0;
  end_ = used;
  begin_ = 0;
}

void InputBuffer::FinishRequest() {
  begin_ = next_;
  body_ = next_;
  if (begin_ == end_) Clear();
}

void InputBuffer::Release() {
  if (begin_ != end_) return;
  Clear();
  data_.reset();
  capacity_ = 0;
}

}  // namespace slipway::net
