#include "resource/api/watch_stream.h"

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

Task<void> WriteEvents(std::shared_ptr<ResourceStore::Watch> watch, net::StreamWriter& writer) {
  while (true) {
    auto events = co_await WithDeadline<std::vector<WatchEvent>>(
        std::chrono::steady_clock::now() + kWatchHeartbeat, watch->Next());
    std::string text;
    if (events.has_value()) {
      for (const WatchEvent& event : *events) text += EventText(event);
    } else if (events.error().code() == Code::kDeadlineExceeded) {
      text = net::kSseHeartbeat;
    } else {
      (void)co_await writer.Write(ErrorText(events.error()));
      co_return;
    }
    if (!(co_await writer.Write(text)).has_value()) co_return;
  }
}

}  // namespace

net::HttpResponse WatchResponse(std::shared_ptr<ResourceStore::Watch> watch) {
  return net::SseResponse(
      [watch = std::move(watch)](net::StreamWriter& writer) { return WriteEvents(watch, writer); });
}

}  // namespace slipway::resource
