#include "gateway/body_reader.h"

#include <algorithm>

#include "gateway/v2/request_parser.h"

namespace slipway::gateway {
namespace {

constexpr uint64_t kFirstBytes = 64 << 10;

Error TooLarge(uint64_t limit_bytes) {
  return ResourceExhausted("BODY_TOO_LARGE", "request body is larger than " +
                                                 std::to_string(limit_bytes) +
                                                 " bytes, the most that one may have");
}

}  // namespace

Task<Result<void>> HeldBody::Read(net::BodyReader& reader, uint64_t limit_bytes,
                                  BodyBudget& budget) {
  budget_ = &budget;
  const std::optional<uint64_t> declared = reader.length();
  if (declared && *declared > limit_bytes) co_return TooLarge(limit_bytes);
  while (true) {
    // One byte more than the limit tells whether the body ends there.
    if (size_ + v2::kBodyPadding >= bytes_.size()) CO_TRY_VOID(Grow(declared, limit_bytes));
    const size_t room = bytes_.size() - v2::kBodyPadding - size_;
    CO_TRY(got, co_await reader.Read(bytes_.data() + size_, room));
    if (got == 0) break;
    size_ += got;
    if (size_ > limit_bytes) co_return TooLarge(limit_bytes);
    if (declared && size_ == *declared) break;
  }
  co_return Result<void>();
}

Result<void> HeldBody::Grow(std::optional<uint64_t> declared, uint64_t limit_bytes) {
  const uint64_t most = declared.value_or(limit_bytes + 1);
  const uint64_t next = std::min(std::max<uint64_t>(size_ * 2, kFirstBytes), most);
  const uint64_t more = next + v2::kBodyPadding - bytes_.size();
  if (!budget_->Take(more)) {
    return ResourceExhausted("BODIES_TOO_MANY",
                             "the bodies of all requests together take too much memory: try again");
  }
  taken_ += more;
  bytes_.resize(next + v2::kBodyPadding);
  return {};
}

void HeldBody::Drop() {
  if (budget_ != nullptr) budget_->Give(taken_);
  taken_ = 0;
  size_ = 0;
  bytes_ = {};
}

}  // namespace slipway::gateway
