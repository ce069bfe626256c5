#include "server/revocation_watch.h"

#include <nlohmann/json.hpp>

#include "async/deadline.h"
#include "base/log.h"

namespace slipway::server {
namespace {

constexpr std::chrono::milliseconds kRestartPause{100};

Task<Result<void>> Follow(resource::ResourceStore& store, trust::Authenticator& authenticator) {
  CO_TRY(watch, store.StartWatch("Token", "", {}, 0));
  while (true) {
    CO_TRY(events, co_await watch->Next());
    for (const resource::WatchEvent& event : events) {
      if (event.type != resource::EventType::kDeleted) continue;
      authenticator.Forget(event.resource.status.value("id", ""));
    }
  }
}

Task<void> FollowForEver(resource::ResourceStore& store, trust::Authenticator& authenticator) {
  do {
    Result<void> ended = co_await Follow(store, authenticator);
    if (ended.error().code() == Code::kCancelled) co_return;
    LogWarning("the watch for revoked tokens ended, it starts anew", {{"error", ended.error()}});
  } while (co_await SleepFor(kRestartPause));
}

}  // namespace

RevocationWatch::RevocationWatch(asio::any_io_executor executor, resource::ResourceStore& store,
                                 trust::Authenticator& authenticator)
    : store_(store), authenticator_(authenticator), tasks_(std::move(executor)) {}

void RevocationWatch::Start() {
  tasks_.Start([this] { return FollowForEver(store_, authenticator_); });
}

Task<void> RevocationWatch::Stop() {
  return tasks_.Stop();
}

}  // namespace slipway::server
