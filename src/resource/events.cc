#include "resource/events.h"

#include <charconv>
#include <cstdio>

#include "resource/limits.h"

namespace slipway::resource {
namespace {

StatusBase StatusOf(const Resource& resource) {
  Result<StatusBase> status = Decode<StatusBase>(resource.status, "status", UnknownFields::kIgnore);
  return status.has_value() ? std::move(*status) : StatusBase();
}

const Condition* Find(const StatusBase& status, const std::string& type) {
  for (const Condition& condition : status.conditions) {
    if (condition.type == type) return &condition;
  }
  return nullptr;
}

void AddStatusEvents(const StatusBase& before, const StatusBase& after, std::vector<Event>& out) {
  if (after.phase != before.phase && !after.phase.empty()) {
    std::string words = before.phase.empty() ? "is " + after.phase
                                             : "went from " + before.phase + " to " + after.phase;
    out.push_back({.type = "Phase", .reason = after.phase, .message = words});
  }
  for (const Condition& condition : after.conditions) {
    const Condition* old = Find(before, condition.type);
    if (old != nullptr && old->status == condition.status && old->reason == condition.reason) {
      continue;
    }
    std::string words = condition.type + " is " + condition.status;
    if (!condition.message.empty()) words += ": " + condition.message;
    out.push_back({.type = "Condition", .reason = condition.reason, .message = words});
  }
}

Result<std::vector<Event>> ReadRing(const store::Snapshot& snapshot, const std::string& prefix,
                                    size_t limit) {
  TRY(rows, snapshot.Scan(prefix, store::PrefixEnd(prefix), limit));
  std::vector<Event> events;
  for (const store::KeyValue& row : rows) {
    TRY(json, ParseJson(row.value));
    TRY(event, Decode<Event>(json, "event", UnknownFields::kIgnore));
    events.push_back(std::move(event));
  }
  return events;
}

// VERSION.NUMBER in hex, so that rows stand in the order of time.
std::string Position(uint64_t version, size_t number) {
  char text[32];
  std::snprintf(text, sizeof text, "%016llx.%04zx", static_cast<unsigned long long>(version),
                number);
  return text;
}

Result<void> TrimRing(store::Transaction& transaction, const std::string& prefix, size_t keep) {
  TRY(rows, transaction.Scan(prefix, store::PrefixEnd(prefix), 2 * kMaxEventsPerObject));
  for (size_t i = 0; i + keep < rows.size(); ++i) TRY_VOID(transaction.Delete(rows[i].key));
  return {};
}

// A project's ring is counted, because it is too long to be read each time.
Result<void> TrimProjectRing(store::Transaction& transaction, const std::string& project,
                             size_t added) {
  std::string count_row = ProjectEventCountRow(project);
  TRY(text, transaction.Get(count_row));
  size_t count = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), count);
  count += added;
  if (count > kMaxEventsPerProject) {
    std::string prefix = ProjectEventPrefix(project);
    TRY(oldest, transaction.Scan(prefix, store::PrefixEnd(prefix), count - kMaxEventsPerProject));
    for (const store::KeyValue& row : oldest) TRY_VOID(transaction.Delete(row.key));
    count -= oldest.size();
  }
  return transaction.Put(count_row, std::to_string(count));
}

}  // namespace

std::vector<Event> EventsBetween(const Resource* before, const Resource* after) {
  std::vector<Event> out;
  if (after == nullptr) {
    out.push_back({.type = "Deleted", .message = "was removed"});
    return out;
  }
  if (before == nullptr) {
    out.push_back({.type = "Created", .message = "was created"});
    AddStatusEvents({}, StatusOf(*after), out);
    return out;
  }
  if (after->metadata.generation != before->metadata.generation) {
    out.push_back(
        {.type = "Changed",
         .message = "spec changed, generation " + std::to_string(after->metadata.generation)});
  }
  if (after->metadata.deleted_at && !before->metadata.deleted_at) {
    out.push_back({.type = "Deleting", .message = "is being deleted"});
  }
  if (after->status != before->status) AddStatusEvents(StatusOf(*before), StatusOf(*after), out);
  return out;
}

Result<void> AppendEvents(store::Transaction& transaction, const Key& key, bool gone,
                          const std::vector<Event>& events) {
  const std::string object_ring = ObjectEventPrefix(key);
  for (size_t i = 0; i < events.size(); ++i) {
    std::string position = Position(events[i].version, i);
    std::string text = DumpJson(Encode(events[i]));
    if (!gone) TRY_VOID(transaction.Put(object_ring + position, text));
    TRY_VOID(transaction.Put(ProjectEventPrefix(key.project) + position, text));
  }
  if (gone || !events.empty()) {
    TRY_VOID(TrimRing(transaction, object_ring, gone ? 0 : kMaxEventsPerObject));
  }
  return events.empty() ? Result<void>() : TrimProjectRing(transaction, key.project, events.size());
}

Result<std::vector<Event>> EventsOf(const store::Snapshot& snapshot, const Key& key) {
  return ReadRing(snapshot, ObjectEventPrefix(key), 2 * kMaxEventsPerObject);
}

Result<std::vector<Event>> EventsOfProject(const store::Snapshot& snapshot,
                                           std::string_view project) {
  return ReadRing(snapshot, ProjectEventPrefix(project), 2 * kMaxEventsPerProject);
}

}  // namespace slipway::resource
