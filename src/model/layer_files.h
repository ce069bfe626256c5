// The files that a manifest's layers are.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "model/archive/archive.h"
#include "oci/descriptor.h"
#include "oci/manifest.h"

namespace slipway::model {

struct LayerFile {
  std::string path;  // of the file; of an archive the folder of its paths, "" or "a/b/"
  oci::Descriptor layer;
  std::optional<ArchiveType> archive;
};

// The paths of files are safe and distinct, and are added to `names`, to which the entries of the
// archives are to be added when they are read. `config_json` is looked at where it tells what is in
// the archives (KitOps). INVALID_ARGUMENT / PATH_INVALID, ENTRY_REFUSED, PACKAGE_TOO_MANY_FILES.
Result<std::vector<LayerFile>> LayerFiles(const oci::Manifest& manifest,
                                          std::string_view config_json, EntryNames& names);

// The path that a layer's annotations give its file: ModelPack's filepath, else the title; empty if
// there is none.
std::string LayerPath(const oci::Descriptor& layer);

// A config as JSON; null for one that is empty, none, or larger than kMaxConfigBytes.
Json ParseConfig(std::string_view config_json);

// Whether LayerFiles needs the config.
bool NeedsConfig(const oci::Manifest& manifest);

// What a tool's own export puts beside the files of its packages: ormb's ormbfile.yaml and KitOps'
// Kitfile, made from the config. Nothing for other forms, and for a config that says nothing.
struct MetadataFile {
  std::string path;
  std::string content;
};
std::optional<MetadataFile> ExportedMetadata(const oci::Manifest& manifest,
                                             std::string_view config_json);

}  // namespace slipway::model
