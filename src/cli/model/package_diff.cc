#include "cli/model/package_diff.h"

#include <fmt/format.h>

#include "cli/text.h"

namespace slipway::cli {
namespace {

Json FileOf(const std::string& path, const Json& file) {
  return {{"path", path}, {"digest", file["digest"]}, {"sizeBytes", file["sizeBytes"]}};
}

void CompareFiles(const Json& before, const Json& after, Json& files) {
  for (const auto& [path, file] : before.items()) {
    if (!after.contains(path)) {
      files["removed"].push_back(FileOf(path, file));
    } else if (after[path] != file) {
      files["changed"].push_back({{"path", path}, {"before", file}, {"after", after[path]}});
    }
  }
  for (const auto& [path, file] : after.items()) {
    if (!before.contains(path)) files["added"].push_back(FileOf(path, file));
  }
}

std::string SizeOf(const Json& file, const char* pointer) {
  return FormatBytes(static_cast<uint64_t>(NumberAt(file, pointer)));
}

std::string FilesText(const Json& files) {
  std::string text;
  for (const Json& file : files["removed"]) {
    text += fmt::format("- {} ({})\n", TextAt(file, "/path"), SizeOf(file, "/sizeBytes"));
  }
  for (const Json& file : files["added"]) {
    text += fmt::format("+ {} ({})\n", TextAt(file, "/path"), SizeOf(file, "/sizeBytes"));
  }
  for (const Json& file : files["changed"]) {
    text += fmt::format("~ {} ({} -> {})\n", TextAt(file, "/path"),
                        SizeOf(file, "/before/sizeBytes"), SizeOf(file, "/after/sizeBytes"));
  }
  return text;
}

std::string Word(const Json& value) {
  return value.is_string() ? value.get<std::string>() : DumpJson(value);
}

std::string ChangesText(const std::vector<ValueChange>& changes) {
  std::string text;
  for (const ValueChange& change : changes) {
    if (change.before.is_null()) {
      text += fmt::format("+ {}: {}\n", change.path, Word(change.after));
    } else if (change.after.is_null()) {
      text += fmt::format("- {}: {}\n", change.path, Word(change.before));
    } else {
      text += fmt::format("~ {}: {} -> {}\n", change.path, Word(change.before), Word(change.after));
    }
  }
  return text;
}

}  // namespace

PackageDiff ComparePackages(const PackageFacts& before, const PackageFacts& after,
                            DiffParts parts) {
  PackageDiff diff;
  if (parts.files) CompareFiles(before.files, after.files, diff.files);
  if (parts.metadata) diff.metadata = ChangesBetween(before.metadata, after.metadata);
  if (parts.signature) {
    diff.is_signature_known = !before.signature.is_null() && !after.signature.is_null();
    if (diff.is_signature_known) {
      diff.signature = ChangesBetween(before.signature, after.signature);
    }
  }
  return diff;
}

std::string DiffText(const PackageDiff& diff) {
  std::string text;
  const auto add = [&text](std::string_view title, const std::string& part) {
    if (part.empty()) return;
    text += fmt::format("{}{}\n{}", text.empty() ? "" : "\n", title, part);
  };
  add("files", FilesText(diff.files));
  add("metadata", ChangesText(diff.metadata));
  add("signature", ChangesText(diff.signature));
  return text;
}

Json DiffJson(const PackageFacts& before, const PackageFacts& after, const PackageDiff& diff) {
  Json json = {{"before", {{"name", before.name}, {"digest", before.digest}}},
               {"after", {{"name", after.name}, {"digest", after.digest}}},
               {"equal", diff.empty()},
               {"files", diff.files},
               {"metadata", ToJson(diff.metadata)}};
  // Not known is not equal: null.
  json["signature"] = diff.is_signature_known ? ToJson(diff.signature) : Json();
  return json;
}

}  // namespace slipway::cli
