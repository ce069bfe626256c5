#include "cli/sse.h"

namespace slipway::cli {

Result<std::vector<SseEvent>> SseParser::Feed(std::string_view piece) {
  std::vector<SseEvent> events;
  rest_ += piece;
  size_t start = 0;
  for (size_t end; (end = rest_.find('\n', start)) != std::string::npos; start = end + 1) {
    std::string_view line(rest_.data() + start, end - start);
    if (line.ends_with('\r')) line.remove_suffix(1);
    Line(line, events);
  }
  rest_.erase(0, start);
  if (rest_.size() + event_.data.size() > kMaxEventBytes) {
    return ResourceExhausted("EVENT_TOO_LARGE", "the server sent an event of more than 8 MiB");
  }
  return events;
}

void SseParser::Line(std::string_view line, std::vector<SseEvent>& events) {
  if (line.empty()) {
    if (has_data_) events.push_back(event_);
    event_ = SseEvent{.id = event_.id};  // the id stays the last one seen
    has_data_ = false;
    return;
  }
  size_t colon = line.find(':');
  if (colon == 0) return;  // a comment: keep-alive
  std::string_view field = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? "" : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "data") {
    if (has_data_) event_.data += '\n';
    event_.data += value;
    has_data_ = true;
  } else if (field == "event") {
    event_.type = value;
  } else if (field == "id") {
    event_.id = value;
  }
}

}  // namespace slipway::cli
