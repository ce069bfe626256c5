#include "resource/api/event_endpoint.h"

#include <nlohmann/json.hpp>

#include "resource/events.h"

namespace slipway::resource {

Task<net::HttpResponse> EventsResponse(ResourceStore& store, Key key) {
  if (!key.kind.empty()) {
    auto found = co_await store.Get(key);
    if (!found.has_value()) co_return net::ProblemResponse(found.error());
  }
  std::vector<Event> events;
  auto read =
      co_await store.meta().Read([&key, &events](const store::Snapshot& snapshot) -> Result<void> {
        TRY(found,
            key.kind.empty() ? EventsOfProject(snapshot, key.project) : EventsOf(snapshot, key));
        events = std::move(found);
        return {};
      });
  if (!read.has_value()) co_return net::ProblemResponse(read.error());
  Json answer = {{"items", Json::array()}};
  for (const Event& event : events) answer["items"].push_back(Encode(event));
  co_return net::HttpResponse::Json(200, DumpJson(answer));
}

}  // namespace slipway::resource
