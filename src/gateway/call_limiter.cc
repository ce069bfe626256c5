#include "gateway/call_limiter.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "gateway/key_guard.h"

namespace slipway::gateway {
namespace {

constexpr double kSecondNs = 1e9;
// A rate of one in 30 years is none; more would not fit.
constexpr double kMostSpacingNs = 1e18;

int64_t SpacingOf(const routing::CallLimits& limits) {
  if (limits.requests_per_second <= 0) return 0;
  return static_cast<int64_t>(
      std::ceil(std::min(kSecondNs / limits.requests_per_second, kMostSpacingNs)));
}

int64_t SlackOf(const routing::CallLimits& limits) {
  const double burst =
      limits.burst > 0 ? limits.burst : std::max(1.0, std::floor(limits.requests_per_second));
  const double slack = (burst - 1) * static_cast<double>(SpacingOf(limits));
  return static_cast<int64_t>(std::min(slack, kMostSpacingNs));
}

int64_t SecondsOf(CallLimiter::Clock::duration wait) {
  return std::max<int64_t>(std::chrono::ceil<std::chrono::seconds>(wait).count(), 1);
}

// Whom the limit is for, in words.
std::string WhoOf(const KeyEntry* key, const ServiceEntry& service) {
  if (key == nullptr) return "callers of '" + service.name + "'";
  return key->name.empty() ? "this key" : "the key '" + key->name + "'";
}

Error TooFast(const std::string& who, const routing::CallLimits& limits,
              CallLimiter::Clock::duration wait) {
  const int64_t seconds = SecondsOf(wait);
  return ResourceExhausted("RATE_LIMITED",
                           fmt::format("{} may send {:g} requests a second: wait {} s, or have the "
                                       "limits raised",
                                       who, limits.requests_per_second, seconds))
      .With("retry_after_s", std::to_string(seconds));
}

Error TooMany(const std::string& who, const routing::CallLimits& limits) {
  return ResourceExhausted("CONCURRENCY_LIMITED",
                           fmt::format("{} may have {} requests at the same time: wait for an "
                                       "answer, or have the limits raised",
                                       who, limits.concurrent))
      .With("retry_after_s", "1");
}

Result<CallPermit> Pass(const std::shared_ptr<CallLimiter>& limiter, const KeyEntry* key,
                        const ServiceEntry& service) {
  // The place first: a request that finds none costs its caller nothing of the rate.
  if (!limiter->Enter()) return TooMany(WhoOf(key, service), limiter->limits());
  CallPermit permit(limiter);
  if (const auto wait = limiter->Take(CallLimiter::Clock::now())) {
    return TooFast(WhoOf(key, service), limiter->limits(), *wait);
  }
  return permit;
}

}  // namespace

CallLimiter::CallLimiter(const routing::CallLimits& limits)
    : limits_(limits), spacing_ns_(SpacingOf(limits)), slack_ns_(SlackOf(limits)) {}

std::optional<CallLimiter::Clock::duration> CallLimiter::Take(Clock::time_point now) {
  if (spacing_ns_ == 0) return std::nullopt;
  const int64_t now_ns =
      std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count();
  int64_t due = due_ns_.load(std::memory_order_relaxed);
  while (true) {
    const int64_t from = std::max(due, now_ns);
    if (from - now_ns > slack_ns_) return std::chrono::nanoseconds(from - now_ns - slack_ns_);
    if (due_ns_.compare_exchange_weak(due, from + spacing_ns_, std::memory_order_relaxed)) {
      return std::nullopt;
    }
  }
}

bool CallLimiter::Enter() {
  const int32_t before = inside_.fetch_add(1, std::memory_order_relaxed);
  if (limits_.concurrent == 0 || before < limits_.concurrent) return true;
  Leave();
  return false;
}

Result<CallPermit> AdmitLimited(CoreSlot& core, const ServiceEntry& service,
                                std::optional<std::string_view> authorization) {
  if (!service.needs_key) {
    if (service.limiter == nullptr) return CallPermit();
    return Pass(service.limiter, nullptr, service);
  }
  const KeyEntry* const key = FindKey(core, service, authorization);
  if (key == nullptr || key->limiter == nullptr) return CallPermit();
  return Pass(key->limiter, key, service);
}

Result<CallPermit> AdmitLimited(CoreSlot& core, const net::HttpRequest& request) {
  const ServiceEntry* const service =
      core.snapshot->Find(ProjectOf(request), request.Parameter("model"));
  if (service == nullptr) return CallPermit();
  return AdmitLimited(core, *service, request.Header("authorization"));
}

}  // namespace slipway::gateway
