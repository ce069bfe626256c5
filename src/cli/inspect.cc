// slipway inspect NAME:TAG
#include "model/inspect.h"

#include <memory>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/model/local.h"
#include "cli/model/package_facts.h"
#include "cli/model/rows.h"
#include "cli/registry_access.h"
#include "cli/text.h"
#include "oci/manifest.h"
#include "registry/projection.h"

namespace slipway::cli {
namespace {

struct Options {
  std::string reference;
  bool local = false;
};

// The control centre reads inputs and outputs within moments of a push.
constexpr int kSignatureAttempts = 50;
constexpr std::chrono::milliseconds kSignaturePause{100};

// What the control centre knows of the version beyond its manifest; nothing if it is no model.
Result<void> AddVersion(ApiClient& api, const oci::Reference& reference, const Digest& digest,
                        Json& shown) {
  const resource::Key key = registry::ModelVersionKey(reference.repository, digest);
  const std::string path = ResourcePath("modelversions", false, key.project, key.name);
  for (int attempt = 0; attempt < kSignatureAttempts; ++attempt) {
    if (attempt > 0) std::this_thread::sleep_for(kSignaturePause);
    Result<ApiAnswer> version = api.Get(path);
    if (!version && version.error().code() == Code::kNotFound) return {};
    if (!version) return version.error();
    shown["format"] = TextAt(version->body, "/spec/format");
    if (TextAt(version->body, "/status/phase").empty()) continue;
    for (const char* part : {"inputs", "outputs"}) {
      const Json& tensors = At(version->body, fmt::format("/status/{}", part).c_str());
      shown[part] = tensors.is_array() ? tensors : Json::array();
    }
    const Json& metadata = At(version->body, "/status/metadata");
    if (metadata.is_object()) shown["metadata"] = metadata;
    return {};
  }
  return {};
}

// What the package says of itself, at a registry that reads no models.
Result<void> AddFacts(oci::Client& client, const std::string& repository,
                      const oci::Manifest& manifest, Json& shown) {
  TRY(facts, model::FactsOfManifest(manifest, FetchFrom(client, repository)));
  if (!facts.format.empty()) shown["format"] = facts.format;
  shown["inputs"] = Json::array();
  shown["outputs"] = Json::array();
  for (const resource::TensorSpec& spec : facts.inputs) shown["inputs"].push_back(Encode(spec));
  for (const resource::TensorSpec& spec : facts.outputs) shown["outputs"].push_back(Encode(spec));
  if (facts.metadata) shown["metadata"] = Encode(*facts.metadata);
  return {};
}

std::string Joined(const Json& texts) {
  std::string all;
  for (const Json& text : texts) {
    if (text.is_string()) all += (all.empty() ? "" : ", ") + text.get<std::string>();
  }
  return all;
}

// What the author says, one line each; figures by their groups.
std::string MetadataText(const Json& metadata) {
  if (!metadata.is_object()) return {};
  std::string text;
  const auto add = [&text](std::string_view name, const std::string& value) {
    if (!value.empty()) text += fmt::format("{:<11}{}\n", name, value);
  };
  add("title", TextAt(metadata, "/title"));
  add("about", TextAt(metadata, "/description"));
  add("version", TextAt(metadata, "/version"));
  add("framework", TextAt(metadata, "/framework"));
  add("authors", Joined(At(metadata, "/authors")));
  add("licences", Joined(At(metadata, "/licenses")));
  add("tags", Joined(At(metadata, "/tags")));
  for (const auto& [group, metrics] : At(metadata, "/metrics").items()) {
    std::string figures;
    for (const Json& metric : metrics) {
      figures += fmt::format("{}{}={}", figures.empty() ? "" : ", ", TextAt(metric, "/name"),
                             DumpJson(At(metric, "/value")));
    }
    add("metrics", fmt::format("{}: {}", group, figures));
  }
  return text.empty() ? text : "\n" + text;
}

Result<void> PrintTables(const Json& shown) {
  std::string text =
      fmt::format("{}\ndigest   {}\nformat   {}\nsize     {}\n\n", TextAt(shown, "/name", "<none>"),
                  TextAt(shown, "/digest"), TextAt(shown, "/format", "not recognised"),
                  FormatBytes(static_cast<uint64_t>(NumberAt(shown, "/sizeBytes"))));
  Table files({"FILE", "SIZE", "DIGEST"});
  for (const Json& file : At(shown, "/files")) {
    const std::string path = TextAt(file, "/path");
    files.Add({path.empty() ? "(archive)" : path,
               FormatBytes(static_cast<uint64_t>(NumberAt(file, "/sizeBytes"))),
               TextAt(file, "/digest")});
  }
  text += files.Text();
  Table tensors({"TENSOR", "NAME", "TYPE", "SHAPE"});
  for (const char* part : {"inputs", "outputs"}) {
    for (const Json& tensor : At(shown, fmt::format("/{}", part).c_str())) {
      tensors.Add({std::string_view(part) == "inputs" ? "input" : "output", TextAt(tensor, "/name"),
                   TextAt(tensor, "/datatype"), DumpJson(At(tensor, "/shape"))});
    }
  }
  if (!tensors.empty()) text += "\n" + tensors.Text();
  text += MetadataText(At(shown, "/metadata"));
  return Print(Printable(text, /*keep_lines=*/true));
}

Result<void> PrintShown(const Json& shown, Format format) {
  if (format == Format::kJson || format == Format::kYaml) return PrintJson(shown, format);
  if (format == Format::kName) {
    return PrintLine(Printable(TextAt(shown, "/name", TextAt(shown, "/digest"))));
  }
  return PrintTables(shown);
}

Result<void> InspectRemote(Client& client, const std::string& text, Format format) {
  TRY(registry, OpenRegistry(client, text));
  const oci::Reference& reference = registry.reference;
  auto found = registry.client->GetManifest(reference.repository, reference.Selector());
  if (!found) return found.error().Prefixed(text + ": ");
  const oci::FetchedManifest& fetched = *found;
  TRY(manifest, oci::ParseManifest(fetched.bytes, fetched.media_type));
  Json shown = DescribeManifest(reference.ToString(), fetched.digest, manifest, {});
  if (registry.is_own) {
    TRY(api, client.Api());
    TRY_VOID(AddVersion(*api, reference, fetched.digest, shown));
  } else if (!manifest.is_index()) {
    TRY_VOID(AddFacts(*registry.client, reference.repository, manifest, shown));
  }
  return PrintShown(shown, format);
}

Result<void> AddContents(model::LocalStore& store, const oci::Manifest& manifest, Json& shown) {
  TRY(described, model::InspectManifest(store, manifest, ScratchFolder()));
  if (!described.format.empty()) shown["format"] = described.format;
  const auto& stated = described.metadata.metadata.signature;
  std::vector<resource::TensorSpec> inputs;
  std::vector<resource::TensorSpec> outputs;
  if (described.signature) {
    inputs = model::SpecsOf(described.signature->inputs);
    outputs = model::SpecsOf(described.signature->outputs);
  } else if (stated) {
    inputs = model::SpecsOf(stated->inputs);
    outputs = model::SpecsOf(stated->outputs);
  }
  shown["inputs"] = Json::array();
  shown["outputs"] = Json::array();
  for (const resource::TensorSpec& spec : inputs) shown["inputs"].push_back(Encode(spec));
  for (const resource::TensorSpec& spec : outputs) shown["outputs"].push_back(Encode(spec));
  if (!described.metadata.source.empty()) {
    shown["metadata"] = Encode(model::Summarise(described.metadata));
  }
  if (!described.metadata.problem.empty()) Note(Printable(described.metadata.problem));
  return {};
}

Result<void> InspectLocal(Client& client, const std::string& text, Format format) {
  TRY(store, OpenModels(client));
  TRY(hold, store.Keep());
  TRY(entry, FindLocal(store, text));
  auto fetched = store.ReadManifest(entry.manifest);
  if (!fetched.has_value()) return WithAdvice(fetched.error(), text);
  TRY(manifest, oci::ParseManifest(fetched->bytes, fetched->media_type));
  Json shown = DescribeManifest(entry.name, fetched->digest, manifest, ReadConfig(store, manifest));
  if (!manifest.is_index()) {
    auto added = AddContents(store, manifest, shown);
    if (!added.has_value()) return WithAdvice(added.error(), text);
  }
  return PrintShown(shown, format);
}

}  // namespace

void AddInspect(Command& command, Client& client) {
  auto options = std::make_shared<Options>();
  command.Positional(&options->reference, "NAME:TAG", "Model version to show");
  command.Flag(&options->local, "--local",
               "As it is in the local store, by name or digest, without any registry");
  command.Example("inspect fraud:v1");
  command.Example("inspect vision/detector:1.4 -o json");
  command.Example("inspect fraud:v1 --local");
  command.Run([&client, options]() -> Result<void> {
    TRY(format, client.OutputFormat());
    return options->local ? InspectLocal(client, options->reference, format)
                          : InspectRemote(client, options->reference, format);
  });
}

}  // namespace slipway::cli
