// OutputQueue: what is to be written to a connection, in order: bytes of its own, and references to
// bytes of others, so that large ones are never copied.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::net {

class OutputQueue {
 public:
  void Append(std::string_view bytes);
  // `bytes` stay until they are consumed; Retain hands a string over that they are in.
  void Refer(std::string_view bytes);
  void Retain(std::string&& owner) { retained_.push_back(std::move(owner)); }

  size_t pending_bytes() const { return pending_; }
  bool empty() const { return pending_ == 0; }
  // The first of what is pending, as many buffers as fit into `out`.
  std::span<iovec> Buffers(std::span<iovec> out) const;
  void Consume(size_t bytes);
  void Clear();

 private:
  struct Segment {
    const char* other = nullptr;  // nullptr: `at` is an offset in own_
    size_t at = 0;
    size_t bytes = 0;
  };
  std::string own_;
  std::vector<Segment> segments_;
  size_t first_ = 0;  // segment that is not consumed
  size_t pending_ = 0;
  std::vector<std::string> retained_;
};

}  // namespace slipway::net
