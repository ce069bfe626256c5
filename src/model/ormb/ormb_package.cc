#include "model/ormb/ormb_package.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "model/archive/tar_writer.h"
#include "model/ormb/layout.h"
#include "model/ormb/ormb_file.h"
#include "oci/model_types.h"

namespace slipway::model {
namespace {

constexpr std::string_view kInFolder = "model/";

// Names of a folder in order, folders where their name stands: '/' is the first of all characters.
bool WalksBefore(std::string_view a, std::string_view b) {
  return std::ranges::lexicographical_compare(
      a, b, {}, [](char c) { return c == '/' ? 0 : 1 + static_cast<unsigned char>(c); },
      [](char c) { return c == '/' ? 0 : 1 + static_cast<unsigned char>(c); });
}

bool IsMetadataFile(const std::string& path) {
  return path == kOrmbFile || std::ranges::find(kMetadataFiles, path) != std::end(kMetadataFiles);
}

// The names directly in model/.
std::vector<std::string> TopNames(const Package& package) {
  std::vector<std::string> names;
  for (const PackageFile& file : package.files) {
    const std::string_view rest = std::string_view(file.path).substr(kInFolder.size());
    std::string name(rest.substr(0, rest.find('/')));
    if (names.empty() || names.back() != name) names.push_back(std::move(name));
  }
  return names;
}

}  // namespace

void KeepOrmbFiles(Package& package) {
  const bool has_folder = std::ranges::any_of(
      package.files, [](const PackageFile& file) { return file.path.starts_with(kInFolder); });
  std::erase_if(package.files, [&](const PackageFile& file) {
    return has_folder ? !file.path.starts_with(kInFolder)
                      : IsMetadataFile(file.path) && file.path == package.metadata_file;
  });
  for (PackageFile& file : package.files) {
    if (!has_folder) file.path.insert(0, kInFolder);
  }
  std::ranges::sort(package.files, WalksBefore, &PackageFile::path);
}

Result<void> PlanOrmb(Package& package) {
  const std::vector<std::string> names = TopNames(package);
  std::string& format = package.metadata.format;
  if (format.empty()) format = InferOrmbFormat(names);
  // ormb's own file says it in ormb's words; other metadata in theirs.
  if (package.metadata_file != kOrmbFile) {
    if (std::string meant = OrmbFormatOf(format); !meant.empty()) format = std::move(meant);
  }
  TRY_VOID(CheckOrmbLayout(format, names));
  PackageLayer layer{.shown = "model",
                     .media_type = std::string(oci::kOrmbLayerType),
                     .digest = Digest::Of(""),
                     .is_gzip = true};
  for (size_t i = 0; i < package.files.size(); ++i) {
    PackageFile& file = package.files[i];
    file.media_type = oci::kOrmbLayerType;
    layer.parts.push_back({.bytes = TarFileHeader(file.path, file.size_bytes)});
    layer.parts.push_back({.bytes = "", .file = i});
    layer.parts.push_back({.bytes = TarPadding(file.size_bytes)});
  }
  layer.parts.push_back({.bytes = TarEnd()});
  package.layers.push_back(std::move(layer));
  return {};
}

void FinishOrmb(Package& package) {
  std::vector<std::string> paths;
  for (const PackageFile& file : package.files) paths.push_back(file.path);
  package.config = WriteOrmbConfig(package.metadata, paths);
  const PackageLayer& layer = package.layers.front();
  const Json manifest = {{"schemaVersion", 2},
                         {"config",
                          {{"mediaType", oci::kOrmbConfigType},
                           {"digest", Digest::Of(package.config).text()},
                           {"size", package.config.size()}}},
                         {"layers", Json::array({{{"mediaType", layer.media_type},
                                                  {"digest", layer.digest.text()},
                                                  {"size", layer.size_bytes}}})}};
  package.manifest = DumpJson(manifest);
}

}  // namespace slipway::model
