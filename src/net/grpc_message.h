// The length-prefixed messages of gRPC: taken apart, and kept in memory that is counted.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/memory_budget.h"

namespace slipway::net {

// A byte that says whether the message is compressed, and its length, big endian.
inline constexpr size_t kGrpcPrefixBytes = 5;
void WriteGrpcPrefix(bool compressed, size_t message_bytes, char* out);

// Bytes with kBufferPadding readable ones behind. Keeps its memory; what is above kKeptCallBytes is
// taken of the budget. The end of a large message is aligned to 64 bytes, so that the tensor that
// it ends with can be read where it lies.
class MessageBuffer {
 public:
  MessageBuffer() = default;
  ~MessageBuffer() { Recycle(); }
  MessageBuffer(MessageBuffer&& other) noexcept;
  MessageBuffer& operator=(MessageBuffer&& other) noexcept;

  std::string_view text() const { return {data_.get() + begin_, size_}; }
  size_t size() const { return size_; }
  // Room for `capacity` bytes altogether, out of `whole` that there may be some time: only the
  // first are taken of the budget, but all may have their place. RESOURCE_EXHAUSTED /
  // BODIES_TOO_MANY when the budget is used up. What is in it stays.
  Result<void> Reserve(size_t capacity, MemoryBudget* budget, size_t whole = 0);
  // Within the room.
  void Append(std::string_view bytes);
  char* room() { return data_.get() + begin_ + size_; }
  size_t room_bytes() const { return granted_ - size_; }
  void Commit(size_t bytes) { size_ += bytes; }
  void Clear() { size_ = 0; }
  // Empty, and with no more memory than is kept.
  void Recycle();

 private:
  bool Allocate(size_t capacity);

  std::unique_ptr<char[]> data_;
  size_t begin_ = 0;
  size_t size_ = 0;
  size_t granted_ = 0;   // of capacity_
  size_t capacity_ = 0;  // behind begin_
  uint64_t taken_ = 0;
  MemoryBudget* budget_ = nullptr;
};

// Memory grows as bytes arrive: what a peer only announces costs nothing.
class MessageReader {
 public:
  // Takes bytes up to the end of one message; how many it took. RESOURCE_EXHAUSTED /
  // MESSAGE_TOO_LARGE, BODIES_TOO_MANY; INVALID_ARGUMENT / MESSAGE_MALFORMED.
  Result<size_t> Feed(std::string_view bytes, size_t limit_bytes, MemoryBudget* budget);
  bool complete() const { return prefix_bytes_ == kGrpcPrefixBytes && left_ == 0; }
  // Nothing of a message has come.
  bool at_start() const { return prefix_bytes_ == 0; }
  bool is_compressed() const { return prefix_[0] == 1; }
  // As announced; once the prefix is there.
  size_t left_bytes() const { return left_; }
  MessageBuffer& message() { return message_; }
  const MessageBuffer& message() const { return message_; }
  // Ready for the next message, whose memory is what is left in message().
  void Next();
  void Recycle();

 private:
  Result<void> BeginMessage(size_t limit_bytes);
  Result<void> Grow(MemoryBudget* budget);

  std::array<char, kGrpcPrefixBytes> prefix_{};
  size_t prefix_bytes_ = 0;
  size_t left_ = 0;
  MessageBuffer message_;
};

}  // namespace slipway::net
