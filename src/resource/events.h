// Events: what happened to a resource, kept as rings of rows beside it.
#pragma once

#include <string>
#include <vector>

#include "resource/resource_transaction.h"

namespace slipway::resource {

struct Event {
  std::string time;
  std::string kind;
  std::string project;
  std::string name;
  std::string type;     // Created, Changed, Phase, Condition, Deleting, Deleted
  std::string reason;   // of a condition, or the new phase
  std::string message;  // one sentence
  std::string actor;
  std::string request_id;
  uint64_t version = 0;
};
BOOST_DESCRIBE_STRUCT(Event, (),
                      (time, kind, project, name, type, reason, message, actor, request_id,
                       version))

// Out of two states of a resource (null: it was made, or is gone) all that is worth an event, with
// type, reason and message set.
std::vector<Event> EventsBetween(const Resource* before, const Resource* after);

// Appends to the rings of the object and of its project. Of an object that is gone only the
// project's stays.
Result<void> AppendEvents(store::Transaction& transaction, const Key& key, bool gone,
                          const std::vector<Event>& events);

// Oldest first.
Result<std::vector<Event>> EventsOf(const store::Snapshot& snapshot, const Key& key);
Result<std::vector<Event>> EventsOfProject(const store::Snapshot& snapshot,
                                           std::string_view project);

}  // namespace slipway::resource
