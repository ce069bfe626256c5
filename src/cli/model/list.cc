// slipway model list [NAME]
#include <memory>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/listing.h"
#include "cli/model/local.h"
#include "cli/model/package_facts.h"
#include "cli/model/remote_tags.h"
#include "cli/model/rows.h"
#include "cli/model/verbs.h"
#include "cli/resource_table.h"
#include "cli/text.h"
#include "model/inspect.h"
#include "model/local/entry_digest.h"
#include "registry/projection.h"
#include "resource/kinds/model_search.h"
#include "resource/search/expression.h"

namespace slipway::cli {
namespace {

struct Options {
  std::string name;
  std::string where;
  bool remote = false;
};

void NoteUndecided(const Json& names) {
  if (!names.is_array() || names.empty()) return;
  std::string all;
  for (const Json& name : names) {
    if (name.is_string()) all += (all.empty() ? "" : ", ") + name.get<std::string>();
  }
  Note(
      Printable(fmt::format("not in the list, because what is kept of their metadata does not "
                            "decide it (slipway model inspect shows all): {}",
                            all)));
}

// Another registry knows tags, and nothing of searching.
Result<void> ListElsewhere(Client& client, const Options& options) {
  TRY(format, client.OutputFormat());
  if (!options.where.empty()) {
    return InvalidArgument("USAGE",
                           fmt::format("--where asks the registry of the context: leave it out to "
                                       "list {}, or `slipway model copy` a version from there",
                                       options.name));
  }
  TRY(list, ListRemoteTags(client, options.name));
  return PrintModels(list, format, client.clock(), fmt::format("{} has no tags", options.name));
}

Result<void> ListRemote(Client& client, const Options& options) {
  TRY(format, client.OutputFormat());
  TRY(kind, KindOf("modelversion"));
  std::string name;
  if (!options.name.empty()) {
    TRY(reference, oci::Reference::Parse(options.name));
    if (!reference.host.empty()) return ListElsewhere(client, options);
    if (!reference.tag.empty() || reference.digest) {
      return InvalidArgument("REFERENCE_INVALID",
                             fmt::format("{}: --remote lists versions in the registry of the "
                                         "context, by names without tag and digest; --where 'tag "
                                         "= v1' asks for a tag",
                                         options.name));
    }
    const bool has_project = reference.repository.find('/') != std::string::npos;
    const resource::Key model = registry::ModelKey(
        has_project ? reference.repository : client.Project() + "/" + reference.repository);
    client.options().project = model.project;
    name = model.name;
  }
  TRY(api, client.Api());
  TRY(list,
      ListAll(*api, *kind, client.Project(), name.empty() ? "" : "model=" + name, options.where));
  NoteUndecided(At(list, "/metadata/undecided"));
  return PrintResources(*kind, list, format, client.clock(),
                        fmt::format("there is no such version in project {}", client.Project()));
}

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

// Whether the entry is one of the repository that was asked for, of that tag or digest.
bool IsWanted(const model::LocalEntry& entry, const std::string& name,
              const std::optional<oci::Reference>& wanted) {
  if (!wanted) return true;
  const bool is_digest = model::IsDigestPrefix(name);
  if (is_digest && model::HasDigestPrefix(entry.manifest.digest, name)) return true;
  const auto reference = oci::Reference::Parse(entry.name);
  return reference.has_value() && reference->host == wanted->host &&
         reference->repository == wanted->repository &&
         (wanted->tag.empty() || wanted->tag == reference->tag) &&
         (!wanted->digest || *wanted->digest == entry.manifest.digest);
}

bool IsEmptyText(const Json& value) {
  return value.is_string() && value.get_ref<const std::string&>().empty();
}

// What a control centre would be asked of: the entry as a ModelVersion.
Json DocumentOf(model::LocalStore& store, const model::LocalEntry& entry, const Json& row) {
  resource::ModelVersionStatus status;
  status.phase = "Ready";
  const auto artifact = store.ReadArtifact(entry.manifest);
  if (artifact.has_value()) {
    const auto manifest = oci::ParseManifest(artifact->root().bytes, artifact->root().media_type);
    const auto facts = manifest.has_value() ? model::FactsOfManifest(*manifest, FetchFrom(store))
                                            : Result<resource::ModelFacts>(manifest.error());
    if (facts.has_value()) {
      status.metadata = facts->metadata;
      status.inputs = facts->inputs;
      status.outputs = facts->outputs;
    } else {
      status.phase.clear();  // what nobody can read is not known
    }
  }
  Json document = {{"metadata", {{"name", row["name"]}, {"createdAt", row["createdAt"]}}},
                   {"spec",
                    {{"repository", row["repository"]},
                     {"manifestDigest", row["digest"]},
                     {"artifactType", row["artifactType"]},
                     {"format", row["format"]},
                     {"sizeBytes", row["sizeBytes"]}}},
                   {"status", Encode(status)},
                   {"tags", Json::array({row["tag"]})}};
  // Of an empty text nothing holds, as of one that is not there.
  for (const char* member : {"artifactType", "format"}) {
    if (IsEmptyText(document["spec"][member])) document["spec"].erase(member);
  }
  if (IsEmptyText(row["tag"])) document.erase("tags");
  const std::string repository = row["repository"];
  document["metadata"]["labels"]["model"] = repository.substr(repository.rfind('/') + 1);
  return document;
}

Result<void> List(Client& client, const Options& options) {
  if (options.remote) return ListRemote(client, options);
  TRY(where, resource::Expression::Parse(options.where, resource::ModelVersionSearch()));
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
  Json undecided = Json::array();
  for (const model::LocalEntry& entry : entries) {
    if (!IsWanted(entry, options.name, wanted)) continue;
    Json row = RowOf(store, entry);
    const auto truth =
        where.empty() ? resource::Truth::kTrue : where.Matches(DocumentOf(store, entry, row));
    if (truth == resource::Truth::kUnknown) undecided.push_back(ShownName(entry));
    if (truth != resource::Truth::kTrue) continue;
    if (row.contains("problem")) {
      Note(Printable(fmt::format("{}: {}", ShownName(entry), row["problem"].get<std::string>())));
    }
    rows.push_back(std::move(row));
  }
  NoteUndecided(undecided);
  if (!options.where.empty()) {
    return PrintModels({{"items", std::move(rows)}}, format, client.clock(),
                       fmt::format("there is no such model in {}", store.folder()));
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
  command.Positional(&options->name, "NAME",
                     "List the versions of this model, or what has this digest", Need::kOptional);
  command.Example("model list");
  command.Flag(&options->remote, "--remote",
               "Of a registry, not the local store: that of the context, or the tags of NAME's");
  command.Option(&options->where, "--where", "EXPRESSION", "Only these, by docs/search.md");
  command.Example("model list fraud -o json");
  command.Example("model list --remote registry.example/risk/fraud");
  command.Example("model list --remote --where 'metrics.accuracy > 0.9 and format = ONNX'");
  command.Run([&client, options] { return List(client, *options); });
}

}  // namespace slipway::cli
