// Server-sent events (HTML standard, 9.2): framing for streams that we send, a parser for those
// that we read.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http_client.h"
#include "net/http_message.h"

namespace slipway::net {

struct SseEvent {
  std::string type;  // empty: "message"
  std::string id;    // empty: none
  std::string data;  // of any number of lines
};

// "event: ...\nid: ...\ndata: ...\n\n". Line breaks in type and id become spaces.
std::string FormatSse(const SseEvent& event);
// A comment: keeps proxies and time-outs content when there is nothing to say.
inline constexpr std::string_view kSseHeartbeat = ":\n\n";
// An answer of events: content type, no caching.
HttpResponse SseResponse(StreamBody body);

// Takes pieces of any size.
class SseParser {
 public:
  // Calls `on_event` for each event that the piece completes; its error ends the call.
  // RESOURCE_EXHAUSTED / EVENT_TOO_LARGE above kMaxSseEventBytes (net/limits.h).
  Result<void> Feed(std::string_view piece,
                    const std::function<Result<void>(const SseEvent&)>& on_event);

 private:
  Result<void> TakeLine(std::string_view line,
                        const std::function<Result<void>(const SseEvent&)>& on_event);

  std::string line_;  // of a line that is not complete
  bool after_carriage_return_ = false;
  bool has_data_ = false;
  SseEvent event_;  // its id stays that of the event before, as the standard wants
};

// Sends the request and calls `on_event` for each event until the stream ends, which is success.
// Blocking. An answer other than 200 with `text/event-stream` is returned by `on_refusal`'s error.
Result<void> ReadSse(HttpClient& client, ClientRequest request,
                     const std::function<Result<void>(const SseEvent&)>& on_event,
                     const std::function<Error(const ClientResponse&)>& on_refusal);

}  // namespace slipway::net
