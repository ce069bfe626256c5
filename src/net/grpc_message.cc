#include "net/grpc_message.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "base/check.h"
#include "net/limits.h"

namespace slipway::net {
namespace {

Error TooMany() {
  return ResourceExhausted("BODIES_TOO_MANY",
                           "the messages of all calls together take too much memory: try again");
}

}  // namespace

void WriteGrpcPrefix(bool compressed, size_t message_bytes, char* out) {
  out[0] = compressed ? 1 : 0;
  out[1] = static_cast<char>(message_bytes >> 24);
  out[2] = static_cast<char>(message_bytes >> 16);
  out[3] = static_cast<char>(message_bytes >> 8);
  out[4] = static_cast<char>(message_bytes);
}

MessageBuffer::MessageBuffer(MessageBuffer&& other) noexcept {
  *this = std::move(other);
}

MessageBuffer& MessageBuffer::operator=(MessageBuffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(begin_, other.begin_);
  std::swap(granted_, other.granted_);
  std::swap(capacity_, other.capacity_);
  std::swap(taken_, other.taken_);
  std::swap(budget_, other.budget_);
  return *this;
}

Result<void> MessageBuffer::Reserve(size_t capacity, MemoryBudget* budget, size_t whole) {
  if (capacity <= granted_) return {};
  const size_t wanted = std::max(capacity, kKeptCallBytes);
  const uint64_t more = wanted > kKeptCallBytes ? wanted - taken_ : 0;
  if (budget != nullptr && more > 0) {
    if (!budget->Take(more)) return TooMany();
    budget_ = budget;
    taken_ += more;
  }
  if (wanted > capacity_ && !Allocate(std::max(wanted, whole))) return TooMany();
  granted_ = std::min(wanted, capacity_);
  return {};
}

bool MessageBuffer::Allocate(size_t capacity) {
  constexpr size_t kAlignment = 64;
  std::unique_ptr<char[]> larger(new (std::nothrow) char[capacity + kAlignment + kBufferPadding]);
  if (larger == nullptr) return false;
  const auto end = reinterpret_cast<uintptr_t>(larger.get()) + capacity;
  const size_t begin = (kAlignment - end % kAlignment) % kAlignment;
  std::memset(larger.get() + begin + capacity, 0, kBufferPadding);
  if (size_ > 0) std::memcpy(larger.get() + begin, data_.get() + begin_, size_);
  data_ = std::move(larger);
  begin_ = begin;
  capacity_ = capacity;
  return true;
}

void MessageBuffer::Append(std::string_view bytes) {
  CHECK(bytes.size() <= room_bytes());
  if (!bytes.empty()) std::memcpy(room(), bytes.data(), bytes.size());
  size_ += bytes.size();
}

void MessageBuffer::Recycle() {
  size_ = 0;
  if (taken_ > 0) budget_->Give(taken_);
  taken_ = 0;
  if (capacity_ <= kKeptCallBytes) return;
  data_.reset();
  begin_ = granted_ = capacity_ = 0;
}

Result<size_t> MessageReader::Feed(std::string_view bytes, size_t limit_bytes,
                                   MemoryBudget* budget) {
  size_t took = 0;
  if (prefix_bytes_ < kGrpcPrefixBytes) {
    took = std::min(kGrpcPrefixBytes - prefix_bytes_, bytes.size());
    std::memcpy(prefix_.data() + prefix_bytes_, bytes.data(), took);
    prefix_bytes_ += took;
    if (prefix_bytes_ < kGrpcPrefixBytes) return took;
    TRY_VOID(BeginMessage(limit_bytes));
  }
  while (left_ > 0 && took < bytes.size()) {
    if (message_.room_bytes() == 0) TRY_VOID(Grow(budget));
    const size_t part = std::min({left_, bytes.size() - took, message_.room_bytes()});
    message_.Append(bytes.substr(took, part));
    left_ -= part;
    took += part;
  }
  return took;
}

Result<void> MessageReader::BeginMessage(size_t limit_bytes) {
  const auto byte = [this](size_t i) { return size_t{static_cast<uint8_t>(prefix_[i])}; };
  left_ = byte(1) << 24 | byte(2) << 16 | byte(3) << 8 | byte(4);
  message_.Clear();
  if (byte(0) > 1) {
    return InvalidArgument("MESSAGE_MALFORMED", "the first byte of a message's prefix is " +
                                                    std::to_string(byte(0)) +
                                                    ": 0 and 1 are known");
  }
  if (left_ <= limit_bytes) return {};
  return ResourceExhausted("MESSAGE_TOO_LARGE", "Received message larger than max (" +
                                                    std::to_string(left_) + " vs. " +
                                                    std::to_string(limit_bytes) + ")");
}

Result<void> MessageReader::Grow(MemoryBudget* budget) {
  const size_t whole = message_.size() + left_;
  const size_t next = std::max(message_.size() * 2, kFirstMessageBytes);
  // A place for all of it is for messages of which something has come: each of those is counted.
  const bool has_come = message_.size() >= kFirstMessageBytes;
  return message_.Reserve(std::min(whole, next), budget, has_come ? whole : 0);
}

void MessageReader::Next() {
  prefix_bytes_ = 0;
  left_ = 0;
  message_.Clear();
}

void MessageReader::Recycle() {
  Next();
  message_.Recycle();
}

}  // namespace slipway::net
