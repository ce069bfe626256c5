// InputBuffer: the bytes of a connection that are read but not consumed, flat and reused.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

namespace slipway::net {

// Layout: [begin: the current request ... next: not consumed yet ... end: free room ... capacity]
// and kBufferPadding readable bytes after that. Views stay valid until FinishRequest or Grow.
class InputBuffer {
 public:
  // From the beginning of the current request, consumed or not.
  std::string_view request() const { return {data_.get() + begin_, end_ - begin_}; }
  // What is not consumed yet.
  std::string_view unread() const { return {data_.get() + next_, end_ - next_}; }
  void Consume(size_t bytes) { next_ += bytes; }

  char* room() { return data_.get() + end_; }
  size_t room_bytes() const { return capacity_ - end_; }
  void Commit(size_t bytes) { end_ += bytes; }

  // Makes the room at least `min_room` bytes, by moving the current request to the front or by a
  // larger buffer. Views become invalid.
  void Grow(size_t min_room);
  // Before BeginBody(head_bytes): so that its body, which is partly there perhaps, has room at all,
  // and, up to kMaxReadAheadBytes, that the next request of this length is read whole. What a
  // connection keeps does not grow with the bodies that it brings. Views become invalid.
  void GrowForBody(size_t head_bytes);
  // The current request's head is `head_bytes` long: what follows is its body.
  void BeginBody(size_t head_bytes) {
    next_ = begin_ + head_bytes;
    body_ = next_;
  }
  // With nothing unread: the room begins behind the head again, for the next part of the body.
  void RewindBody() { next_ = end_ = body_; }
  // What was consumed of the current request is dropped; the next one begins there.
  void FinishRequest();
  // Drops unread bytes.
  void Clear() { begin_ = next_ = body_ = end_ = 0; }
  // Gives the memory back, if there is nothing in it.
  void Release();
  size_t capacity() const { return capacity_; }

 private:
  // Makes the capacity from the beginning of the current request on at least that.
  void Reserve(size_t bytes);

  std::unique_ptr<char[]> data_;
  size_t capacity_ = 0;
  size_t begin_ = 0;
  size_t next_ = 0;
  size_t body_ = 0;
  size_t end_ = 0;
};

}  // namespace slipway::net
