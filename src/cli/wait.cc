#include "cli/wait.h"

#include <functional>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/output.h"
#include "cli/text.h"
#include "resource/kinds/canary.h"

namespace slipway::cli {
namespace {

constexpr std::chrono::seconds kDefaultWait{300};
constexpr int kMaxReconnects = 100;
constexpr std::chrono::milliseconds kReconnectPause{300};

Error TimedOut(const std::string& what) {
  return Error(Code::kDeadlineExceeded, "WAIT_TIMEOUT",
               what + "; it goes on, `slipway get` and `slipway events` show how");
}

// Calls `look` with the resource as it is now (null: it is not there) and after each change, until
// it answers true, or the limit is over (false).
Result<bool> Follow(ApiClient& api, const resource::KindInfo& kind, const std::string& project,
                    const std::string& name, SteadyTime limit,
                    std::function<Result<bool>(const Json& resource)> look) {
  const std::string list_path = ResourcePath(kind.plural, kind.global, project);
  for (int attempt = 0; attempt < kMaxReconnects; ++attempt) {
    if (attempt > 0) std::this_thread::sleep_for(kReconnectPause);
    Result<ApiAnswer> list = api.Get(list_path + "?limit=1");
    if (!list && attempt > 0 && list.error().code() == Code::kUnavailable) continue;
    if (!list) return list.error();
    int64_t version = NumberAt(list->body, "/metadata/version");
    Result<ApiAnswer> now = api.Get(ResourcePath(kind.plural, kind.global, project, name));
    if (!now && now.error().code() != Code::kNotFound) return now.error();
    TRY(done, look(now ? now->body : Json()));
    if (done) return true;

    bool expired = false;
    auto on_event = [&](const ApiEvent& event) -> Result<bool> {
      expired = SystemClock().Steady() >= limit;
      if (expired) return false;
      if (TextAt(event.data, "/metadata/name") != name) return true;
      TRY(seen, look(event.type == "deleted" ? Json() : event.data));
      done = seen;
      return !seen;
    };
    auto left = std::chrono::ceil<std::chrono::seconds>(limit - SystemClock().Steady());
    if (left.count() <= 0) return false;
    Result<void> watched =
        api.Watch(fmt::format("{}?watch=1&after={}", list_path, version), on_event, left);
    if (done) return true;
    if (expired || SystemClock().Steady() >= limit) return false;
    bool again = !watched && (watched.error().code() == Code::kUnavailable ||
                              watched.error().code() == Code::kDeadlineExceeded ||
                              watched.error().reason() == "EXPIRED");
    if (!again && !watched) return watched.error();
  }
  return Unavailable("WATCH_ENDED", "the server ended the watch again and again; try again later");
}

}  // namespace

SteadyTime WaitLimit(Clock& clock, std::optional<int64_t> seconds) {
  return clock.Steady() + (seconds ? std::chrono::seconds(*seconds) : kDefaultWait);
}

Settled SettledAt(const Json& service, int64_t generation) {
  if (NumberAt(service, "/status/observedGeneration") < generation) return Settled::kNotYet;
  std::string phase = TextAt(service, "/status/phase");
  if (phase == "Ready") return Settled::kReady;
  const std::string canary = TextAt(service, "/status/canary/phase");
  if (canary == resource::kCanaryStepping || canary == resource::kCanaryPaused) {
    return Settled::kOnTrial;
  }
  return phase == "Failed" || phase == "Degraded" ? Settled::kFailed : Settled::kNotYet;
}

std::string ReadyMessage(const Json& resource) {
  for (const Json& condition : At(resource, "/status/conditions")) {
    if (TextAt(condition, "/type") == "Ready") return TextAt(condition, "/message");
  }
  return "";
}

Result<Json> WaitUntilSettled(ApiClient& api, const std::string& project, const std::string& name,
                              int64_t generation, SteadyTime limit) {
  Json last;
  std::string noted;
  auto look = [&](const Json& service) -> Result<bool> {
    if (service.is_null()) {
      return NotFound("SERVICE_DELETED", fmt::format("service {} was deleted meanwhile", name));
    }
    last = service;
    if (SettledAt(service, generation) != Settled::kNotYet) return true;
    std::string message = ReadyMessage(service);
    if (!message.empty() && message != noted) Note(fmt::format("{}: {}", name, message));
    noted = message;
    return false;
  };
  TRY(settled, Follow(api, *resource::FindKind("service"), project, name, limit, look));
  if (!settled) {
    std::string message = ReadyMessage(last);
    return TimedOut(fmt::format("service {} was not ready in time{}{}", name,
                                message.empty() ? "" : ": ", message));
  }
  return last;
}

Result<void> WaitUntilGone(ApiClient& api, const resource::KindInfo& kind,
                           const std::string& project, const std::string& name, SteadyTime limit) {
  TRY(gone, Follow(api, kind, project, name, limit,
                   [](const Json& resource) -> Result<bool> { return resource.is_null(); }));
  if (!gone) return TimedOut(fmt::format("{} {} is still being deleted", kind.singular, name));
  return {};
}

}  // namespace slipway::cli
