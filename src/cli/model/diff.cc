// slipway model diff A B
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/model/local.h"
#include "cli/model/package_diff.h"
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

Result<PackageFacts> FactsOf(Client& client, const std::string& name, bool is_local) {
  if (!is_local) return FactsOfRemote(client, name);
  TRY(store, OpenModels(client));
  return FactsOfLocal(std::make_shared<model::LocalStore>(std::move(store)), name);
}

// What is in the archives that only one of them has.
Result<void> ReadArchives(PackageFacts& before, PackageFacts& after) {
  const Json files = before.files;
  TRY_VOID(ExpandArchives(before.archives, after.files, before.files));
  return ExpandArchives(after.archives, files, after.files);
}

Result<void> RunDiff(Client& client, const Options& options) {
  TRY(format, client.OutputFormat());
  TRY_VOID(CheckNotNames(format, "a comparison"));
  TRY(before, FactsOf(client, options.before, options.local || options.from_local));
  TRY(after, FactsOf(client, options.after, options.local));
  const bool all = !options.files && !options.metadata && !options.signature;
  if (all || options.files) TRY_VOID(ReadArchives(before, after));
  const PackageDiff diff = ComparePackages(before, after,
                                           {.files = all || options.files,
                                            .metadata = all || options.metadata,
                                            .signature = all || options.signature});
  if (format == Format::kJson || format == Format::kYaml) {
    TRY_VOID(PrintJson(DiffJson(before, after, diff), format));
  } else {
    TRY_VOID(Print(Printable(DiffText(diff), /*keep_lines=*/true)));
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
