#include "gateway/load_retry.h"

#include <algorithm>
#include <string_view>

#include "engine/reasons.h"
#include "gateway/limits.h"

namespace slipway::gateway {
namespace {

// The process of the model crashed or took too long.
bool IsMostLikelyTheModels(const Error& error) {
  return error.reason() == "WORKER_CRASHED" || error.reason() == "WORKER_HUNG";
}

bool IsWantOfMemory(const Error& error) {
  return error.reason() == engine::kOutOfMemory || error.code() == Code::kResourceExhausted;
}

}  // namespace

bool MayPass(const Error& error) {
  // Of a warm-up its cause counts: a file that is missing in a package stays missing.
  if (error.reason() == engine::kWarmUpFailed) {
    return error.cause() != nullptr && IsWantOfMemory(*error.cause());
  }
  if (IsWantOfMemory(error) || IsMostLikelyTheModels(error)) return true;
  switch (error.code()) {
    case Code::kUnavailable:
    case Code::kDeadlineExceeded:
    case Code::kNotFound:
      return true;
    default:
      return false;
  }
}

std::optional<SteadyTime> LoadRetry::Failed(const Error& error, SteadyTime now) {
  ++failures_;
  if (!MayPass(error)) return std::nullopt;
  if (IsMostLikelyTheModels(error) && ++at_fault_ >= kMaxLoadsAtFault) return std::nullopt;
  constexpr int kMostDoublings = 20;
  const auto pause = kFirstLoadPause * (1 << std::min(failures_ - 1, kMostDoublings));
  return now + std::min<SteadyTime::duration>(pause, kLongestLoadPause);
}

}  // namespace slipway::gateway
