// BodyReader of the gateway: request bodies in memory, within a limit for each and for all.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "async/task.h"
#include "base/result.h"
#include "gateway/request_memory.h"
#include "net/content_coding.h"
#include "net/http_message.h"
#include "net/memory_budget.h"
#include "tensor/buffer.h"

namespace slipway::gateway {

// A body with what it takes of the budget, given back when it goes.
class HeldBody {
 public:
  HeldBody() = default;
  ~HeldBody() { Drop(); }
  HeldBody(const HeldBody&) = delete;
  HeldBody& operator=(const HeldBody&) = delete;

  // Reads the whole body, of at most `limit_bytes`: RESOURCE_EXHAUSTED / BODY_TOO_LARGE, or
  // BODIES_TOO_MANY when the budget is used up; errors of net::BodyReader. What a client only
  // announces costs nothing: the budget is taken as bytes arrive. The byte at `aligned_at` lies so
  // that an engine can read numbers there.
  Task<Result<void>> Read(net::BodyReader& reader, uint64_t limit_bytes, BodyBudget& budget,
                          uint64_t aligned_at);
  // The same of bytes that are in memory and compressed; INVALID_ARGUMENT / CODING_INVALID. Lets
  // the core do other work after each few.
  Task<Result<void>> Unpack(net::ContentCoding coding, std::string_view packed,
                            uint64_t limit_bytes, BodyBudget& budget, uint64_t aligned_at);
  // At least kBodyPadding readable bytes are behind it.
  std::string_view text() const {
    return {reinterpret_cast<const char*>(bytes_.data()) + begin_, size_};
  }
  void Drop();

 private:
  void Align(uint64_t aligned_at);
  char* end() const { return reinterpret_cast<char*>(bytes_.data()) + begin_ + size_; }
  // Room for more bytes, and how many; at most one more than the limit in all.
  Result<size_t> Room(std::optional<uint64_t> declared, uint64_t limit_bytes);
  Result<void> Grow(uint64_t capacity);

  tensor::AlignedBuffer bytes_;
  size_t begin_ = 0;
  size_t size_ = 0;
  size_t capacity_ = 0;  // of the body
  uint64_t taken_ = 0;
  BodyBudget* budget_ = nullptr;
};

}  // namespace slipway::gateway
