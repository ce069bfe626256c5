// slipway model list [NAME]
#include <memory>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/model/local.h"
#include "cli/model/rows.h"
#include "cli/model/verbs.h"
#include "cli/text.h"

namespace slipway::cli {
namespace {

struct Options {
  std::string name;
};

// What an entry is, as far as it can be read: a broken one must not hide the others.
Json RowOf(model::LocalStore& store, const model::LocalEntry& entry) {
  const auto reference = oci::Reference::Parse(entry.name);
  Json row = {{"name", entry.name},
              {"repository", entry.name},
              {"tag", ""},
              {"digest", entry.manifest.digest.text()},
              {"createdAt", entry.manifest.annotation(model::kCreatedAt)},
              {"sizeBytes", 0},
              {"format", ""},
              {"artifactType", ""}};
  if (reference.has_value() && (!reference->tag.empty() || reference->digest)) {
    row["repository"] = reference->host.empty() ? reference->repository
                                                : reference->host + "/" + reference->repository;
    row["tag"] = reference->tag;
  }
  const auto artifact = store.ReadArtifact(entry.manifest);
  if (!artifact.has_value()) {
    row["problem"] = artifact.error().message();
    return row;
  }
  uint64_t size_bytes = 0;
  for (const oci::Descriptor& layer : artifact->layers) size_bytes += layer.size_bytes;
  row["sizeBytes"] = size_bytes;
  const auto manifest = oci::ParseManifest(artifact->root().bytes, artifact->root().media_type);
  if (!manifest.has_value()) return row;
  const Json shown =
      DescribeManifest(entry.name, entry.manifest.digest, *manifest, ReadConfig(store, *manifest));
  row["format"] = shown["format"];
  row["artifactType"] = shown["artifactType"];
  return row;
}

// Whether the entry is one of the repository that was asked for, or of that tag.
bool IsWanted(const model::LocalEntry& entry, const std::optional<oci::Reference>& wanted) {
  if (!wanted) return true;
  const auto reference = oci::Reference::Parse(entry.name);
  return reference.has_value() && reference->host == wanted->host &&
         reference->repository == wanted->repository &&
         (wanted->tag.empty() || wanted->tag == reference->tag);
}

Result<void> List(Client& client, const Options& options) {
  TRY(format, client.OutputFormat());
  TRY(store, OpenModels(client));
  std::optional<oci::Reference> wanted;
  if (!options.name.empty()) {
    TRY(reference, oci::Reference::Parse(options.name));
    wanted = std::move(reference);
  }
  TRY(hold, store.Keep());
  TRY(entries, store.List());
  Json rows = Json::array();
  for (const model::LocalEntry& entry : entries) {
    if (!IsWanted(entry, wanted)) continue;
    Json row = RowOf(store, entry);
    if (row.contains("problem")) {
      Note(Printable(fmt::format("{}: {}", entry.name, row["problem"].get<std::string>())));
    }
    rows.push_back(std::move(row));
  }
  return PrintModels({{"items", std::move(rows)}}, format, client.clock(),
                     wanted
                         ? fmt::format("there is no model {} in {}", options.name, store.folder())
                         : fmt::format("there are no models in {}; `slipway model save` and "
                                       "`slipway model pull` bring some",
                                       store.folder()));
}

}  // namespace

void AddModelList(Command& command, Client& client) {
  auto options = std::make_shared<Options>();
  command.Positional(&options->name, "NAME", "List the versions of this model", Need::kOptional);
  command.Example("model list");
  command.Example("model list fraud -o json");
  command.Run([&client, options] { return List(client, *options); });
}

}  // namespace slipway::cli
