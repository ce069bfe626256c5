// Server-sent events (HTML standard, section "Interpreting an event stream"), as a state machine.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slipway::cli {

struct SseEvent {
  std::string type = "message";
  std::string id;
  std::string data;
};

// Fed with pieces of any size; answers the events that they complete. RESOURCE_EXHAUSTED /
// EVENT_TOO_LARGE when one event grows above kMaxEventBytes.
class SseParser {
 public:
  static constexpr size_t kMaxEventBytes = 8 << 20;
  Result<std::vector<SseEvent>> Feed(std::string_view piece);

 private:
  void Line(std::string_view line, std::vector<SseEvent>& events);

  std::string rest_;
  SseEvent event_;
  bool has_data_ = false;
};

}  // namespace slipway::cli
