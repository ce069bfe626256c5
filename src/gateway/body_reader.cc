#include "gateway/body_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "async/deadline.h"
#include "gateway/v2/infer_request.h"
#include "tensor/limits.h"

namespace slipway::gateway {
namespace {

constexpr uint64_t kFirstBytes = 64 << 10;
// Unpacking lets other work in after each of so many bytes.
constexpr size_t kUnpackStep = 256 << 10;

Error TooLarge(uint64_t limit_bytes) {
  return ResourceExhausted("BODY_TOO_LARGE", "request body is larger than " +
                                                 std::to_string(limit_bytes) +
                                                 " bytes, the most that one may have");
}

}  // namespace

Task<Result<void>> HeldBody::Read(net::BodyReader& reader, uint64_t limit_bytes, BodyBudget& budget,
                                  uint64_t aligned_at) {
  budget_ = &budget;
  Align(aligned_at);
  const std::optional<uint64_t> declared = reader.length();
  if (declared && *declared > limit_bytes) co_return TooLarge(limit_bytes);
  while (!declared || size_ < *declared) {
    CO_TRY(room, Room(declared, limit_bytes));
    CO_TRY(got, co_await reader.Read(end(), room));
    if (got == 0) break;
    size_ += got;
    if (size_ > limit_bytes) co_return TooLarge(limit_bytes);
  }
  co_return Result<void>();
}

Task<Result<void>> HeldBody::Unpack(net::ContentCoding coding, std::string_view packed,
                                    uint64_t limit_bytes, BodyBudget& budget, uint64_t aligned_at) {
  budget_ = &budget;
  Align(aligned_at);
  net::Inflater inflater(coding, packed);
  size_t step = 0;
  while (true) {
    CO_TRY(room, Room(std::nullopt, limit_bytes));
    CO_TRY(got, inflater.Read(end(), std::min(room, kUnpackStep)));
    if (got == 0) break;
    size_ += got;
    if (size_ > limit_bytes) co_return TooLarge(limit_bytes);
    step += got;
    if (step < kUnpackStep) continue;
    step = 0;
    if (!co_await SleepFor(std::chrono::milliseconds(0))) {
      co_return Error(Code::kCancelled, "REQUEST_CANCELLED", "the request was cancelled");
    }
  }
  co_return Result<void>();
}

void HeldBody::Align(uint64_t aligned_at) {
  begin_ =
      (tensor::kBufferAlignment - aligned_at % tensor::kBufferAlignment) % tensor::kBufferAlignment;
}

Result<size_t> HeldBody::Room(std::optional<uint64_t> declared, uint64_t limit_bytes) {
  const uint64_t most = declared.value_or(limit_bytes + 1);
  if (size_ == capacity_) {
    TRY_VOID(Grow(declared ? *declared : std::min(std::max(capacity_ * 2, kFirstBytes), most)));
  }
  if (size_ == taken_) {
    const uint64_t more =
        std::min<uint64_t>(std::max<uint64_t>(size_, kFirstBytes), capacity_ - size_);
    if (!budget_->TakeForBody(more)) {
      return ResourceExhausted(
          "BODIES_TOO_MANY", "the bodies of all requests together take too much memory: try again");
    }
    taken_ += more;
  }
  return taken_ - size_;
}

Result<void> HeldBody::Grow(uint64_t capacity) {
  tensor::AlignedBuffer grown;
  if (!grown.Reserve(begin_ + capacity + v2::kBodyPadding)) {
    return ResourceExhausted("BODY_MEMORY",
                             "no memory for a request of " + std::to_string(capacity) + " bytes");
  }
  if (size_ > 0) std::memcpy(grown.data() + begin_, text().data(), size_);
  bytes_ = std::move(grown);
  capacity_ = capacity;
  return {};
}

void HeldBody::Drop() {
  if (budget_ != nullptr) budget_->Give(taken_);
  taken_ = 0;
  size_ = 0;
  capacity_ = 0;
  bytes_.Free();
}

}  // namespace slipway::gateway
