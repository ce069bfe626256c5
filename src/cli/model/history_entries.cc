#include "cli/model/history_entries.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "cli/model/changes.h"
#include "cli/text.h"

namespace slipway::cli {

std::string WhatChanged(const Versions& versions, const std::string& before,
                        const std::string& after) {
  const auto from = versions.find(before);
  const auto to = versions.find(after);
  if (from == versions.end() || to == versions.end()) return "";
  std::map<std::string, std::pair<std::string, std::string>> files;
  for (const Json& file : At(from->second, "/spec/files")) {
    files[TextAt(file, "/path")].first = TextAt(file, "/digest");
  }
  for (const Json& file : At(to->second, "/spec/files")) {
    files[TextAt(file, "/path")].second = TextAt(file, "/digest");
  }
  size_t added = 0;
  size_t removed = 0;
  size_t changed = 0;
  for (const auto& [path, digests] : files) {
    added += digests.first.empty() ? 1 : 0;
    removed += digests.second.empty() ? 1 : 0;
    const bool both = !digests.first.empty() && !digests.second.empty();
    changed += both && digests.first != digests.second ? 1 : 0;
  }
  const size_t values =
      ChangesBetween(At(from->second, "/status/metadata"), At(to->second, "/status/metadata"))
          .size();
  return fmt::format("+{} -{} ~{} files, {} values", added, removed, changed, values);
}

void AddPushes(const Versions& versions, const std::string& since, Json& entries) {
  std::map<std::string, bool> told;
  for (const Json& move : entries) told[TextAt(move, "/digest")] = true;
  for (const auto& [digest, version] : versions) {
    const std::string at = TextAt(version, "/metadata/createdAt");
    if (told.contains(digest) || at < since) continue;
    Json entry = {{"tag", ""},
                  {"change", "pushed"},
                  {"digest", digest},
                  {"at", at},
                  {"by", TextAt(version, "/metadata/createdBy")},
                  {"modelVersion", TextAt(version, "/metadata/name")}};
    const auto older = std::find_if(entries.begin(), entries.end(),
                                    [&at](const Json& other) { return TextAt(other, "/at") < at; });
    entries.insert(older, std::move(entry));
  }
}

}  // namespace slipway::cli
