#include "net/sse.h"

#include <utility>

#include "net/limits.h"

namespace slipway::net {
namespace {

void AppendField(std::string_view name, std::string_view value, std::string& out) {
  out.append(name).append(": ");
  for (const char c : value) out += c == '\n' || c == '\r' || c == '\0' ? ' ' : c;
  out += '\n';
}

// Each line of the data is a field of its own.
void AppendData(std::string_view data, std::string& out) {
  while (true) {
    const size_t end = data.find_first_of("\r\n");
    out.append("data: ").append(data.substr(0, end)).append("\n");
    if (end == std::string_view::npos) return;
    const bool pair = data[end] == '\r' && end + 1 < data.size() && data[end + 1] == '\n';
    data.remove_prefix(end + (pair ? 2 : 1));
  }
}

}  // namespace

std::string FormatSse(const SseEvent& event) {
  std::string out;
  out.reserve(event.data.size() + 64);
  if (!event.type.empty()) AppendField("event", event.type, out);
  if (!event.id.empty()) AppendField("id", event.id, out);
  AppendData(event.data, out);
  out += '\n';
  return out;
}

HttpResponse SseResponse(StreamBody body) {
  HttpResponse response;
  response.content_type = "text/event-stream";
  response.headers.emplace_back("Cache-Control", "no-store");
  response.body = std::move(body);
  return response;
}

Result<void> SseParser::Feed(std::string_view piece,
                             const std::function<Result<void>(const SseEvent&)>& on_event) {
  if (after_carriage_return_ && piece.starts_with('\n')) piece.remove_prefix(1);
  after_carriage_return_ = after_carriage_return_ && piece.empty();
  while (!piece.empty()) {
    const size_t end = piece.find_first_of("\r\n");
    line_.append(piece.substr(0, end));
    if (line_.size() + event_.data.size() > kMaxSseEventBytes) {
      return ResourceExhausted("EVENT_TOO_LARGE", "An event of the stream is larger than " +
                                                      std::to_string(kMaxSseEventBytes) + " bytes");
    }
    if (end == std::string_view::npos) break;
    const bool carriage_return = piece[end] == '\r';
    piece.remove_prefix(end + 1);
    if (carriage_return && piece.starts_with('\n')) piece.remove_prefix(1);
    after_carriage_return_ = carriage_return && piece.empty();
    const std::string line = std::exchange(line_, std::string());
    TRY_VOID(TakeLine(line, on_event));
  }
  return {};
}

Result<void> SseParser::TakeLine(std::string_view line,
                                 const std::function<Result<void>(const SseEvent&)>& on_event) {
  if (line.empty()) {
    SseEvent event = std::exchange(event_, SseEvent{.type = "", .id = event_.id, .data = ""});
    if (!std::exchange(has_data_, false)) return {};
    if (event.type.empty()) event.type = "message";
    return on_event(event);
  }
  const size_t colon = line.find(':');
  const std::string_view name = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? "" : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (name == "data") {
    if (has_data_) event_.data += '\n';
    event_.data += value;
    has_data_ = true;
  } else if (name == "event") {
    event_.type = value;
  } else if (name == "id" && value.find('\0') == std::string_view::npos) {
    event_.id = value;
  }
  return {};  // comments and unknown fields are skipped
}

Result<void> ReadSse(HttpClient& client, ClientRequest request,
                     const std::function<Result<void>(const SseEvent&)>& on_event,
                     const std::function<Error(const ClientResponse&)>& on_refusal) {
  SseParser parser;
  bool is_stream = false;
  std::string refused_body;
  request.on_head = [&is_stream](const ClientResponse& head) -> Result<void> {
    const std::string type = head.Header("Content-Type").value_or("");
    is_stream = head.status == 200 && type.starts_with("text/event-stream");
    return {};
  };
  request.download = [&](std::string_view piece) -> Result<void> {
    if (is_stream) return parser.Feed(piece, on_event);
    refused_body.append(piece.substr(0, kMaxSseEventBytes - refused_body.size()));
    return {};
  };
  TRY(response, client.Send(request));
  if (is_stream) return {};
  response.body += refused_body;  // of a 2xx answer that is no stream
  return on_refusal(response);
}

}  // namespace slipway::net
