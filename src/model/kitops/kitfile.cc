#include "model/kitops/kitfile.h"

#include <map>

#include "model/path.h"
#include "oci/model_types.h"

namespace slipway::model {
namespace {

std::string Text(const Json& json, const char* name) {
  if (!json.is_object()) return {};
  const auto found = json.find(name);
  return found == json.end() || !found->is_string() ? std::string() : found->get<std::string>();
}

// An empty list if the member is none.
const Json& List(const Json& json, const char* name) {
  static const Json kNone = Json::array();
  if (!json.is_object()) return kNone;
  const auto found = json.find(name);
  return found == json.end() || !found->is_array() ? kNone : *found;
}

const Json& Object(const Json& json, const char* name) {
  static const Json kNone = Json::object();
  if (!json.is_object()) return kNone;
  const auto found = json.find(name);
  return found == json.end() || !found->is_object() ? kNone : *found;
}

// The first few of what a Kitfile may state thousands of times.
void AddLicense(Metadata& metadata, const std::string& license) {
  constexpr size_t kMaxLicenses = 64;
  if (metadata.licenses.size() == kMaxLicenses) return;
  for (const std::string& known : metadata.licenses) {
    if (known == license) return;
  }
  if (!license.empty()) metadata.licenses.push_back(license);
}

// A Kitfile's `model.path` may name another ModelKit instead of a file.
bool IsReference(const std::string& path) {
  const size_t slash = path.find('/');
  const size_t colon = path.rfind(':');
  return slash != std::string::npos && colon != std::string::npos && colon > slash &&
         path.find('/', colon) == std::string::npos;
}

void AddModel(const Json& model, Metadata& metadata) {
  if (metadata.name.empty()) metadata.name = Text(model, "name");
  if (metadata.version.empty()) metadata.version = Text(model, "version");
  if (metadata.description.empty()) metadata.description = Text(model, "description");
  metadata.framework = Text(model, "framework");
  metadata.format = Text(model, "format");
  AddLicense(metadata, Text(model, "license"));
  const std::string path = Text(model, "path");
  if (IsReference(path)) {
    metadata.parents.push_back({.reference = path, .digest = "", .relation = "base"});
  }
  for (const Json& part : List(model, "parts")) AddLicense(metadata, Text(part, "license"));
  for (const auto& [name, value] : Object(model, "parameters").items()) {
    if (value.is_structured() || value.is_null()) continue;
    metadata.hyper_parameters.push_back({.name = name, .value = value});
  }
}

// "model", "modelpart", "dataset", "code" or "docs"; empty for other types.
std::string_view KindOf(std::string_view media_type) {
  std::string_view rest;
  for (const std::string_view prefix : {oci::kKitOpsPrefix, oci::kOldKitOpsPrefix}) {
    if (media_type.starts_with(prefix)) rest = media_type.substr(prefix.size());
  }
  if (rest.starts_with("modelkit.")) rest.remove_prefix(9);
  return rest.substr(0, rest.find('.'));
}

// The entry of the Kitfile that the next layer of this kind is.
const Json* NextEntry(const Json& kitfile, std::string_view kind,
                      std::map<std::string_view, size_t>& taken) {
  const Json& model = Object(kitfile, "model");
  if (kind == "model") return &model;
  const Json* list = nullptr;
  if (kind == "modelpart") list = &List(model, "parts");
  if (kind == "dataset") list = &List(kitfile, "datasets");
  if (kind == "code") list = &List(kitfile, "code");
  if (kind == "docs") list = &List(kitfile, "docs");
  if (list == nullptr) return nullptr;
  const size_t index = taken[kind]++;
  return index < list->size() ? &(*list)[index] : nullptr;
}

}  // namespace

Metadata FromKitfile(const Json& kitfile) {
  Metadata metadata;
  if (!kitfile.is_object()) return metadata;
  const Json& package = Object(kitfile, "package");
  metadata.name = Text(package, "name");
  metadata.version = Text(package, "version");
  metadata.description = Text(package, "description");
  for (const Json& author : List(package, "authors")) {
    if (author.is_string()) metadata.authors.push_back(author.get<std::string>());
  }
  AddLicense(metadata, Text(package, "license"));
  AddModel(Object(kitfile, "model"), metadata);
  for (const Json& dataset : List(kitfile, "datasets")) {
    DataSet& to = metadata.datasets.emplace_back();
    to.name = Text(dataset, "name");
    to.description = Text(dataset, "description");
    to.license = Text(dataset, "license");
    to.digest = Text(dataset, "digest");
  }
  metadata.extensions["kitops"] = kitfile;
  return metadata;
}

std::string WriteKitfile(const Json& kitfile) {
  Json shown = kitfile;
  const auto strip = [](Json& entry) {
    if (!entry.is_object()) return;
    entry.erase("digest");
    entry.erase("diffId");
  };
  for (const char* list : {"code", "datasets", "docs"}) {
    if (!shown.contains(list) || !shown[list].is_array()) continue;
    for (Json& entry : shown[list]) strip(entry);
  }
  if (shown.contains("model") && shown["model"].is_object()) {
    Json& model = shown["model"];
    strip(model);
    if (model.contains("parts") && model["parts"].is_array()) {
      for (Json& part : model["parts"]) strip(part);
    }
  }
  return DumpYaml(shown);
}

Result<std::vector<std::string>> KitLayerFolders(const oci::Manifest& manifest,
                                                 const Json& kitfile) {
  std::vector<std::string> folders;
  std::map<std::string_view, size_t> taken;
  for (const oci::Descriptor& layer : manifest.layers) {
    folders.emplace_back();
    const Json* entry = NextEntry(kitfile, KindOf(layer.media_type), taken);
    if (entry == nullptr || !Text(*entry, "digest").empty()) continue;
    std::string path = Text(*entry, "path");
    while (path.ends_with('/')) path.pop_back();
    if (path.empty() || path == "." || IsReference(path)) continue;
    TRY(normal, NormalizePath(path));
    folders.back() = normal.substr(0, normal.rfind('/') + 1);
  }
  return folders;
}

}  // namespace slipway::model
