#include "resource/api/watch_stream.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "async/deadline.h"
#include "net/sse.h"
#include "resource/api/limits.h"

namespace slipway::resource {
namespace {

std::string EventText(const WatchEvent& event) {
  const std::string data = event.type == EventType::kBookmark
                               ? fmt::format("{{\"version\":{}}}", event.version)
                               : DumpJson(ToJson(event.resource));
  return net::FormatSse(
      {.type = std::string(NameOf(event.type)), .id = std::to_string(event.version), .data = data});
}

std::string ErrorText(const Error& error) {
  const net::HttpResponse problem = net::ProblemResponse(error);
  return net::FormatSse({.type = "error", .id = "", .data = std::get<std::string>(problem.body)});
}

struct WatchStream {
  std::shared_ptr<ResourceStore::Watch> watch;
  trust::Recheck recheck;
};

Task<void> WriteEvents(std::shared_ptr<const WatchStream> stream, net::StreamWriter& writer) {
  using std::chrono::steady_clock;
  auto heartbeat = steady_clock::now() + kWatchHeartbeat;
  while (true) {
    auto events = co_await WithDeadline<std::vector<WatchEvent>>(
        std::min(heartbeat, steady_clock::now() + kWatchRecheck), stream->watch->Next());
    Result<void> allowed = stream->recheck();
    if (allowed.has_error()) {
      (void)co_await writer.Write(ErrorText(allowed.error()));
      co_return;
    }
    std::string text;
    if (events.has_value()) {
      for (const WatchEvent& event : *events) text += EventText(event);
    } else if (events.error().code() == Code::kDeadlineExceeded) {
      if (steady_clock::now() < heartbeat) continue;
      text = net::kSseHeartbeat;
    } else {
      (void)co_await writer.Write(ErrorText(events.error()));
      co_return;
    }
    if (!(co_await writer.Write(text)).has_value()) co_return;
    heartbeat = steady_clock::now() + kWatchHeartbeat;
  }
}

}  // namespace

net::HttpResponse WatchResponse(std::shared_ptr<ResourceStore::Watch> watch,
                                trust::Recheck recheck) {
  auto stream = std::make_shared<const WatchStream>(std::move(watch), std::move(recheck));
  return net::SseResponse(
      [stream](net::StreamWriter& writer) { return WriteEvents(stream, writer); });
}

}  // namespace slipway::resource
