// What the change log holds of a resource: {"type": "added", "object": {...}, "oldLabels": {...}}.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "resource/resource_transaction.h"

namespace slipway::resource {

enum class EventType : uint8_t { kAdded, kModified, kDeleted, kBookmark };
// "added", "modified", "deleted" or "bookmark".
std::string_view NameOf(EventType type);

struct ChangeRecord {
  EventType type = EventType::kModified;
  Resource resource;
  // Before the change; a filtered watch needs them to see an object leave its selection.
  std::map<std::string, std::string> old_labels;
};

std::string EncodeChange(const ChangeRecord& record);
Result<ChangeRecord> DecodeChange(std::string_view text);

}  // namespace slipway::resource
