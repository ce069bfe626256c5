#include "resource/change_record.h"

namespace slipway::resource {

std::string_view NameOf(EventType type) {
  switch (type) {
    case EventType::kAdded:
      return "added";
    case EventType::kModified:
      return "modified";
    case EventType::kDeleted:
      return "deleted";
    case EventType::kBookmark:
      return "bookmark";
  }
  return "modified";
}

std::string EncodeChange(const ChangeRecord& record) {
  Json json = Json::object();
  json["type"] = NameOf(record.type);
  json["object"] = ToJson(record.resource);
  if (record.old_labels != record.resource.metadata.labels) {
    json["oldLabels"] = Encode(record.old_labels);
  }
  return DumpJson(json);
}

Result<ChangeRecord> DecodeChange(std::string_view text) {
  TRY(json, ParseJson(text));
  if (!json.is_object() || !json.contains("type") || !json.contains("object")) {
    return Internal("CHANGE_CORRUPT", "an entry of the change log is no change of a resource");
  }
  ChangeRecord record;
  TRY(resource, ResourceFromStored(json["object"]));
  record.resource = std::move(resource);
  record.type = json["type"] == "added"     ? EventType::kAdded
                : json["type"] == "deleted" ? EventType::kDeleted
                                            : EventType::kModified;
  record.old_labels = record.resource.metadata.labels;
  if (json.contains("oldLabels")) {
    using Labels = std::map<std::string, std::string>;
    TRY(labels, Decode<Labels>(json["oldLabels"], "oldLabels"));
    record.old_labels = std::move(labels);
  }
  return record;
}

}  // namespace slipway::resource
