#include "model/modelcar/modelcar.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "model/archive/tar_writer.h"
#include "model/file_kind.h"
#include "model/limits.h"
#include "oci/media_types.h"

namespace slipway::model {
namespace {

constexpr std::string_view kFolder = "models";
constexpr std::string_view kLayerType = "application/vnd.oci.image.layer.v1.tar";

bool IsWeight(const Package& package, const PackageFile& file) {
  return file.path == package.model_file || FileKind(file.path) == "weight";
}

// The files that get a layer of their own: the largest weights, by index.
std::set<size_t> OwnLayers(const Package& package) {
  std::vector<size_t> weights;
  for (size_t i = 0; i < package.files.size(); ++i) {
    if (IsWeight(package, package.files[i])) weights.push_back(i);
  }
  std::ranges::sort(weights, [&](size_t a, size_t b) {
    const uint64_t a_bytes = package.files[a].size_bytes;
    const uint64_t b_bytes = package.files[b].size_bytes;
    return a_bytes != b_bytes ? a_bytes > b_bytes : a < b;
  });
  weights.resize(std::min(weights.size(), kMaxModelcarWeights));
  return {weights.begin(), weights.end()};
}

PackageLayer LayerOf(Package& package, const std::vector<size_t>& indexes, std::string shown) {
  PackageLayer layer{
      .shown = std::move(shown), .media_type = std::string(kLayerType), .digest = Digest::Of("")};
  std::set<std::string> folders;
  for (const size_t index : indexes) {
    PackageFile& file = package.files[index];
    file.media_type = kLayerType;
    const std::string path = fmt::format("{}/{}", kFolder, file.path);
    std::string headers;
    for (size_t slash = path.find('/'); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
      const std::string folder = path.substr(0, slash);
      if (folders.insert(folder).second) headers += TarFolder(folder);
    }
    layer.parts.push_back({.bytes = headers + TarFileHeader(path, file.size_bytes)});
    layer.parts.push_back({.bytes = "", .file = index});
    layer.parts.push_back({.bytes = TarPadding(file.size_bytes)});
  }
  layer.parts.push_back({.bytes = TarEnd()});
  return layer;
}

// What OCI has names for.
oci::Annotations AnnotationsOf(const Metadata& metadata) {
  const std::pair<const char*, std::string> values[] = {
      {"title", metadata.title.empty() ? metadata.name : metadata.title},
      {"description", metadata.description},
      {"version", metadata.version},
      {"vendor", metadata.vendor},
      {"authors", fmt::format("{}", fmt::join(metadata.authors, ", "))},
      {"licenses", fmt::format("{}", fmt::join(metadata.licenses, " AND "))},
      {"created", metadata.created_at},
      {"revision", metadata.revision},
      {"url", metadata.doc_url},
      {"source", metadata.source_url},
  };
  oci::Annotations annotations;
  for (const auto& [name, value] : values) {
    if (!value.empty())
      annotations.emplace(fmt::format("org.opencontainers.image.{}", name), value);
  }
  return annotations;
}

}  // namespace

void PlanModelcar(Package& package) {
  const std::set<size_t> own = OwnLayers(package);
  std::vector<size_t> others;
  for (size_t i = 0; i < package.files.size(); ++i) {
    if (!own.contains(i)) others.push_back(i);
  }
  if (!others.empty()) package.layers.push_back(LayerOf(package, others, "other files"));
  for (const size_t index : own) {
    package.layers.push_back(LayerOf(package, {index}, package.files[index].path));
  }
}

void FinishModelcar(Package& package, const std::string& architecture) {
  Json diff_ids = Json::array();
  Json layers = Json::array();
  for (const PackageLayer& layer : package.layers) {
    diff_ids.push_back(layer.digest.text());
    layers.push_back({{"mediaType", layer.media_type},
                      {"digest", layer.digest.text()},
                      {"size", layer.size_bytes}});
  }
  const oci::Annotations annotations = AnnotationsOf(package.metadata);
  Json config = {{"architecture", architecture}, {"os", "linux"}};
  config["config"] = Json::object();
  if (!annotations.empty()) config["config"]["Labels"] = annotations;
  config["rootfs"] = {{"type", "layers"}, {"diff_ids", std::move(diff_ids)}};
  package.config = DumpJson(config);
  Json manifest = {{"schemaVersion", 2},
                   {"mediaType", oci::kImageManifestType},
                   {"config",
                    {{"mediaType", oci::kImageConfigType},
                     {"digest", Digest::Of(package.config).text()},
                     {"size", package.config.size()}}},
                   {"layers", std::move(layers)}};
  if (!annotations.empty()) manifest["annotations"] = annotations;
  package.manifest = DumpJson(manifest);
}

}  // namespace slipway::model
