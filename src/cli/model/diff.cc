// slipway model diff A B
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/model/changes.h"
#include "cli/model/local.h"
#include "cli/model/package_facts.h"
#include "cli/model/verbs.h"
#include "cli/text.h"

namespace slipway::cli {
namespace {

struct Options {
  std::string before;
  std::string after;
  bool files = false;
  bool metadata = false;
  bool signature = false;
  bool local = false;
  bool from_local = false;
  bool exit_code = false;
};

struct Diff {
  Json files = {{"added", Json::array()}, {"removed", Json::array()}, {"changed", Json::array()}};
  std::vector<ValueChange> metadata;
  std::vector<ValueChange> signature;
  bool is_signature_known = true;

  bool HasFiles() const {
    return !files["added"].empty() || !files["removed"].empty() || !files["changed"].empty();
  }
  bool empty() const { return !HasFiles() && metadata.empty() && signature.empty(); }
};

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

Diff Compare(const PackageFacts& before, const PackageFacts& after, const Options& options) {
  Diff diff;
  const bool all = !options.files && !options.metadata && !options.signature;
  if (all || options.files) CompareFiles(before.files, after.files, diff.files);
  if (all || options.metadata) diff.metadata = ChangesBetween(before.metadata, after.metadata);
  if (all || options.signature) {
    diff.is_signature_known = !before.signature.is_null() && !after.signature.is_null();
    if (diff.is_signature_known) {
      diff.signature = ChangesBetween(before.signature, after.signature);
    }
  }
  return diff;
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

std::string TextOf(const Diff& diff) {
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

Json JsonOf(const PackageFacts& before, const PackageFacts& after, const Diff& diff) {
  Json json = {{"before", {{"name", before.name}, {"digest", before.digest}}},
               {"after", {{"name", after.name}, {"digest", after.digest}}},
               {"equal", diff.empty()},
               {"files", diff.files},
               {"metadata", ToJson(diff.metadata)}};
  // Not known is not equal: null.
  json["signature"] = diff.is_signature_known ? ToJson(diff.signature) : Json();
  return json;
}

Result<PackageFacts> FactsOf(Client& client, const std::string& name, bool is_local) {
  if (!is_local) return FactsOfRemote(client, name);
  TRY(store, OpenModels(client));
  TRY(hold, store.Keep());
  return FactsOfLocal(store, name);
}

Result<void> RunDiff(Client& client, const Options& options) {
  TRY(format, client.OutputFormat());
  TRY_VOID(CheckNotNames(format, "a comparison"));
  TRY(before, FactsOf(client, options.before, options.local || options.from_local));
  TRY(after, FactsOf(client, options.after, options.local));
  const Diff diff = Compare(before, after, options);
  if (format == Format::kJson || format == Format::kYaml) {
    TRY_VOID(PrintJson(JsonOf(before, after, diff), format));
  } else {
    TRY_VOID(Print(Printable(TextOf(diff), /*keep_lines=*/true)));
    if (!diff.is_signature_known) {
      Note("inputs and outputs of one of them are not known, and not compared");
    }
    if (diff.empty()) Note(before.digest == after.digest ? "the same digest" : "no difference");
  }
  if (diff.empty() || !options.exit_code) return {};
  return FailedPrecondition("DIFFERENT",
                            fmt::format("{} and {} differ", options.before, options.after));
}

}  // namespace

void AddDiff(Command& command, Client& client) {
  auto options = std::make_shared<Options>();
  command.Positional(&options->before, "A", "Model version, NAME:TAG, on any registry");
  command.Positional(&options->after, "B", "What to compare it with");
  command.Flag(&options->files, "--files", "Files only");
  command.Flag(&options->metadata, "--metadata", "Metadata only");
  command.Flag(&options->signature, "--signature", "Inputs and outputs only");
  command.Flag(&options->local, "--local", "Both are in the local store");
  command.Flag(&options->from_local, "--from-local", "A is in the local store");
  command.Flag(&options->exit_code, "--exit-code", "Exit with 6 if they differ");
  command.Example("model diff fraud:v1 fraud:v2");
  command.Example("model diff fraud:v2 fraud:v2 --from-local --files");
  command.Run([&client, options] { return RunDiff(client, *options); });
}

}  // namespace slipway::cli
