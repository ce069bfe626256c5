#include "cli/model/package_facts.h"

#include <nlohmann/json.hpp>

#include "base/random.h"
#include "cli/model/local.h"
#include "cli/progress.h"
#include "cli/registry_access.h"
#include "cli/text.h"
#include "model/inspect.h"
#include "model/layer_files.h"
#include "model/limits.h"
#include "registry/projection.h"

namespace slipway::cli {
namespace {

Json FilesOf(const oci::Manifest& manifest) {
  Json files = Json::object();
  for (const oci::Descriptor& layer : manifest.layers) {
    // An archive is what it holds.
    const bool is_archive = model::ArchiveTypeOf(layer.media_type).has_value();
    std::string path = is_archive ? std::string() : model::LayerPath(layer);
    if (path.empty()) path = ArchiveRow(layer);
    files[path] = {{"digest", layer.digest.text()}, {"sizeBytes", layer.size_bytes}};
  }
  return files;
}

Json TensorsByName(const Json& tensors) {
  Json by_name = Json::object();
  if (!tensors.is_array()) return by_name;
  for (const Json& tensor : tensors) {
    by_name[TextAt(tensor, "/name")] = {{"datatype", At(tensor, "/datatype")},
                                        {"shape", At(tensor, "/shape")}};
  }
  return by_name;
}

Json SignatureOf(const Json& inputs, const Json& outputs) {
  if (inputs.empty() && outputs.empty()) return {};
  return {{"inputs", TensorsByName(inputs)}, {"outputs", TensorsByName(outputs)}};
}

Json EncodeAll(const std::vector<resource::TensorSpec>& specs) {
  Json list = Json::array();
  for (const resource::TensorSpec& spec : specs) list.push_back(Encode(spec));
  return list;
}

Result<PackageFacts> FactsOf(std::string name, const Digest& digest, const oci::Manifest& manifest,
                             const model::FetchContent& fetch) {
  PackageFacts facts{.name = std::move(name), .digest = digest.text()};
  facts.files = FilesOf(manifest);
  std::string config;
  if (manifest.config && manifest.config->size_bytes <= model::kMaxConfigBytes) {
    TRY(read, fetch(*manifest.config));
    config = std::move(read).value_or("");
  }
  facts.archives = ArchivesOf(manifest, config);
  TRY(found, model::ReadMetadata(manifest, config, fetch));
  facts.metadata = Encode(found.metadata);
  facts.metadata.erase("signature");
  if (found.metadata.signature) {
    facts.signature = SignatureOf(EncodeAll(model::SpecsOf(found.metadata.signature->inputs)),
                                  EncodeAll(model::SpecsOf(found.metadata.signature->outputs)));
  }
  return facts;
}

Json TensorsOf(const std::vector<tensor::TensorSpec>& specs) {
  Json list = Json::array();
  for (const tensor::TensorSpec& spec : specs) {
    list.push_back(
        {{"name", spec.name},
         {"datatype", tensor::DataTypeName(spec.type)},
         {"shape", std::vector<int64_t>(spec.shape.dims().begin(), spec.shape.dims().end())}});
  }
  return list;
}

// A blob of a registry as a file whose name is gone already.
Result<std::unique_ptr<File>> Load(Client& client, const RegistryAccess& registry,
                                   const oci::Descriptor& layer) {
  const model::Scratch scratch = ScratchFolder();
  const std::string path = scratch.folder + "/" + RandomHexId(SystemRandom()) + ".partial";
  TRY(file, scratch.files->Open(path, {.write = true, .create = true, .exclusive = true}));
  TRY_VOID(scratch.files->Remove(path));
  Progress progress(client.clock(), "reading");
  uint64_t offset = 0;
  const auto write = [&](std::string_view piece) -> Result<void> {
    TRY_VOID(file->WriteAt(offset, piece));
    offset += piece.size();
    progress.Update(ArchiveRow(layer), offset, layer.size_bytes);
    return {};
  };
  TRY_VOID(registry.client->DownloadBlob(registry.reference.repository, layer.digest,
                                         layer.size_bytes, 0, write,
                                         Hasher(layer.digest.algorithm())));
  progress.Finish();
  return file;
}

}  // namespace

model::FetchContent FetchFrom(model::LocalStore& store) {
  return [&store](const oci::Descriptor& wanted) -> Result<std::optional<std::string>> {
    if (wanted.size_bytes > model::kMaxConfigBytes) return std::optional<std::string>();
    TRY(bytes, oci::ReadContent(store, wanted.digest, model::kMaxConfigBytes));
    return std::optional<std::string>(std::move(bytes));
  };
}

model::FetchContent FetchFrom(oci::Client& client, const std::string& repository) {
  return
      [&client, repository](const oci::Descriptor& wanted) -> Result<std::optional<std::string>> {
        if (wanted.size_bytes > model::kMaxConfigBytes) return std::optional<std::string>();
        std::string bytes;
        TRY_VOID(client.DownloadBlob(
            repository, wanted.digest, wanted.size_bytes, 0,
            [&bytes](std::string_view piece) -> Result<void> {
              bytes += piece;
              return {};
            },
            Hasher(wanted.digest.algorithm())));
        return std::optional<std::string>(std::move(bytes));
      };
}

Result<PackageFacts> FactsOfLocal(std::shared_ptr<model::LocalStore> kept,
                                  const std::string& name) {
  model::LocalStore& store = *kept;
  TRY(hold, store.Keep());
  auto held = std::make_shared<model::LocalStore::Hold>(std::move(hold));
  TRY(entry, FindLocal(store, name));
  TRY(fetched, store.ReadManifest(entry.manifest));
  TRY(manifest, oci::ParseManifest(fetched.bytes, fetched.media_type));
  TRY(facts, FactsOf(name, entry.manifest.digest, manifest, FetchFrom(store)));
  const auto described = model::InspectManifest(store, manifest, ScratchFolder());
  if (described.has_value() && described->signature) {
    facts.signature = SignatureOf(TensorsOf(described->signature->inputs),
                                  TensorsOf(described->signature->outputs));
  }
  facts.archives.open = [kept, held](const oci::Descriptor& layer) {
    return kept->Open(layer.digest);
  };
  return facts;
}

Result<PackageFacts> FactsOfRemote(Client& client, const std::string& reference) {
  TRY(opened, OpenRegistry(client, reference));
  const auto access = std::make_shared<RegistryAccess>(std::move(opened));
  const RegistryAccess& registry = *access;
  const std::string& repository = registry.reference.repository;
  auto found = registry.client->GetManifest(repository, registry.reference.Selector());
  if (!found) return found.error().Prefixed(reference + ": ");
  TRY(manifest, oci::ParseManifest(found->bytes, found->media_type));
  TRY(facts, FactsOf(reference, found->digest, manifest, FetchFrom(*registry.client, repository)));
  facts.archives.open = [&client, access](const oci::Descriptor& layer) {
    return Load(client, *access, layer);
  };
  if (!registry.is_own) return facts;
  TRY(api, client.Api());
  const resource::Key key = registry::ModelVersionKey(repository, found->digest);
  auto version = api->Get(ResourcePath("modelversions", false, key.project, key.name));
  if (!version && version.error().code() != Code::kNotFound) return version.error();
  if (!version || TextAt(version->body, "/status/phase") != "Ready") return facts;
  Json read =
      SignatureOf(At(version->body, "/status/inputs"), At(version->body, "/status/outputs"));
  if (!read.is_null()) facts.signature = std::move(read);
  return facts;
}

}  // namespace slipway::cli
