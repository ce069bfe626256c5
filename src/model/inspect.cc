#include "model/inspect.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/random.h"
#include "model/archive/archive.h"
#include "model/formats/fake.h"
#include "model/formats/onnx.h"
#include "model/formats/recognise.h"
#include "model/limits.h"
#include "oci/media_types.h"

namespace slipway::model {
namespace {

// What users have comes first; the engine of the tests is there, but no word of it.
constexpr std::string_view kDeployable[] = {
    "onnx",   "savedmodel", "graphdef", "tflite", "openvino",    "paddle",  "python",
    "pickle", "joblib",     "xgboost",  "mlflow", "torchscript", "pytorch", "fake"};
constexpr size_t kOffered = std::size(kDeployable) - 1;
constexpr size_t kPieceBytes = 1 << 20;

Result<tensor::Signature> ReadOnnxSignature(File& file, std::string_view file_name) {
  auto model = ReadOnnx(file);
  if (!model.has_value()) {
    return model.error().Prefixed(fmt::format("{} is no ONNX model: ", file_name));
  }
  auto signature = SignatureOf(*model);
  if (!signature.has_value()) return signature.error().Prefixed(fmt::format("{}: ", file_name));
  return signature;
}

// What is known of the files of a package, and in which layer each is.
struct Contents {
  std::vector<FileHint> hints;
  std::vector<const LayerFile*> layers;  // of each hint
};

Result<std::string> ReadHead(oci::ContentSource& content, const Digest& digest) {
  TRY(file, content.Open(digest));
  std::string head(kHeadBytes, '\0');
  TRY(size, file->ReadAt(0, head.data(), head.size()));
  head.resize(size);
  return head;
}

Result<void> AddArchive(oci::ContentSource& content, const LayerFile& layer, EntryNames& names,
                        Contents& contents) {
  TRY(file, content.Open(layer.layer.digest));
  TRY(archive, OpenArchive(*file, *layer.archive, names, layer.path));
  while (true) {
    TRY(entry, archive->Next());
    if (!entry) return {};
    if (entry->is_folder) continue;
    std::string head;
    if (contents.hints.size() < kMaxPackageFiles) {
      head.resize(kHeadBytes);
      size_t done = 0;
      while (done < head.size()) {
        TRY(count, archive->Read(head.data() + done, head.size() - done));
        if (count == 0) break;
        done += count;
      }
      head.resize(done);
    }
    contents.hints.push_back({std::move(entry->path), std::move(head)});
    contents.layers.push_back(&layer);
  }
}

Result<Contents> ReadContents(oci::ContentSource& content, const std::vector<LayerFile>& layers,
                              EntryNames& names) {
  Contents contents;
  for (const LayerFile& layer : layers) {
    if (layer.archive) {
      TRY_VOID(AddArchive(content, layer, names, contents));
      continue;
    }
    TRY(head, ReadHead(content, layer.layer.digest));
    contents.hints.push_back({layer.path, std::move(head)});
    contents.layers.push_back(&layer);
  }
  return contents;
}

// A file of the archive as a file of its own, in the scratch folder; nothing if it is too large.
// Its name is gone already: what is open is all that is left.
Result<std::unique_ptr<File>> TakeOut(File& file, const LayerFile& layer, const std::string& path,
                                      const Scratch& scratch) {
  EntryNames names;
  TRY(archive, OpenArchive(file, *layer.archive, names, layer.path));
  while (true) {
    TRY(entry, archive->Next());
    if (!entry) return std::unique_ptr<File>();
    if (entry->path != path) continue;
    if (entry->size_bytes > kMaxScratchBytes) return std::unique_ptr<File>();
    const std::string name = scratch.folder + "/" + RandomHexId(SystemRandom()) + ".partial";
    TRY(out, scratch.files->Open(name, {.write = true, .create = true, .exclusive = true}));
    TRY_VOID(scratch.files->Remove(name));
    std::string piece(kPieceBytes, '\0');
    for (uint64_t offset = 0;;) {
      TRY(count, archive->Read(piece.data(), piece.size()));
      if (count == 0) return out;
      TRY_VOID(out->WriteAt(offset, {piece.data(), count}));
      offset += count;
    }
  }
}

// The model file, open; nothing where it cannot be had.
Result<std::unique_ptr<File>> OpenModelFile(oci::ContentSource& content, const Contents& contents,
                                            const std::string& path,
                                            const std::optional<Scratch>& scratch) {
  const auto found = std::ranges::find(contents.hints, path, &FileHint::path);
  if (path.empty() || found == contents.hints.end()) return std::unique_ptr<File>();
  const LayerFile& layer = *contents.layers[static_cast<size_t>(found - contents.hints.begin())];
  TRY(file, content.Open(layer.layer.digest));
  if (!layer.archive) return file;
  if (!scratch) return std::unique_ptr<File>();
  return TakeOut(*file, layer, path, *scratch);
}

FetchContent FetchFrom(oci::ContentSource& content) {
  return [&content](const oci::Descriptor& wanted) -> Result<std::optional<std::string>> {
    if (wanted.size_bytes > kMaxConfigBytes) return std::optional<std::string>();
    TRY(bytes, oci::ReadContent(content, wanted.digest, kMaxConfigBytes));
    return std::optional<std::string>(std::move(bytes));
  };
}

Result<std::string> FetchConfig(const oci::Manifest& manifest, const FetchContent& fetch) {
  if (!manifest.config || manifest.config->size_bytes > kMaxConfigBytes) return std::string();
  TRY(config, fetch(*manifest.config));
  return std::move(config).value_or("");
}

// The text at a pointer into the config, empty if there is none.
std::string TextAt(const Json& json, const char* pointer) {
  const auto at = Json::json_pointer(pointer);
  if (!json.is_object() || !json.contains(at) || !json.at(at).is_string()) return {};
  return json.at(at).get<std::string>();
}

const char* FormatPointer(oci::ModelForm form) {
  switch (form) {
    case oci::ModelForm::kOrmb:
      return "/format";
    case oci::ModelForm::kKitOps:
      return "/model/format";
    case oci::ModelForm::kModelPack:
    case oci::ModelForm::kNone:
      break;
  }
  return "/config/format";
}

// Names of files in archives, as far as the config tells them.
void AddStatedFiles(const Json& config, std::vector<FileHint>& hints) {
  if (!config.is_object()) return;
  const auto structure = config.find("directoryStructure");
  if (structure != config.end() && structure->is_array()) {
    for (const Json& path : *structure) {
      if (path.is_string()) hints.push_back({path.get<std::string>(), ""});
    }
  }
  if (std::string path = TextAt(config, "/model/path"); !path.empty()) hints.push_back({path, ""});
}

}  // namespace

std::span<const std::string_view> DeployableFormats() {
  return kDeployable;
}

std::span<const std::string_view> OfferedFormats() {
  return DeployableFormats().first(kOffered);
}

Result<tensor::Signature> ReadSignature(std::string_view format, File& file,
                                        std::string_view file_name) {
  if (format != "onnx" && format != "fake") {
    return Unimplemented("SIGNATURE_UNREADABLE",
                         fmt::format("inputs and outputs of {} models cannot be read yet", format));
  }
  if (format == "onnx") return ReadOnnxSignature(file, file_name);
  auto signature = ReadFakeSignature(file);
  if (!signature.has_value()) return signature.error().Prefixed(fmt::format("{}: ", file_name));
  return signature;
}

Result<ModelDescription> InspectManifest(oci::ContentSource& content, const oci::Manifest& manifest,
                                         const std::optional<Scratch>& scratch) {
  ModelDescription description;
  const FetchContent fetch = FetchFrom(content);
  TRY(config, FetchConfig(manifest, fetch));
  TRY(metadata, ReadMetadata(manifest, config, fetch));
  description.metadata = std::move(metadata);
  EntryNames names;
  TRY(layers, LayerFiles(manifest, config, names));
  TRY(contents, ReadContents(content, layers, names));
  Recognised recognised = Recognise(contents.hints);
  description.format = std::move(recognised.format);
  description.model_file = std::move(recognised.main_file);
  TRY(file, OpenModelFile(content, contents, description.model_file, scratch));
  if (!file) return description;
  auto signature = ReadSignature(description.format, *file, description.model_file);
  if (signature.has_value()) {
    description.signature = *std::move(signature);
  } else if (signature.error().code() != Code::kUnimplemented) {
    return signature.error();
  }
  return description;
}

std::vector<resource::TensorSpec> SpecsOf(const std::vector<tensor::TensorSpec>& tensors) {
  std::vector<resource::TensorSpec> specs;
  for (const tensor::TensorSpec& tensor : tensors) {
    specs.push_back({.name = tensor.name,
                     .datatype = std::string(tensor::DataTypeName(tensor.type)),
                     .shape = {tensor.shape.dims().begin(), tensor.shape.dims().end()}});
  }
  return specs;
}

std::string FormatOfManifest(const oci::Manifest& manifest, std::string_view config_json) {
  const Json config = ParseConfig(config_json);
  std::string stated = KnownFormat(TextAt(config, FormatPointer(FormOf(manifest))));
  if (!stated.empty()) return stated;
  std::vector<FileHint> hints;
  for (const oci::Descriptor& layer : manifest.layers) {
    if (std::string path = LayerPath(layer); !path.empty()) hints.push_back({path, ""});
  }
  AddStatedFiles(config, hints);
  return Recognise(hints).format;
}

Result<resource::ModelFacts> FactsOfManifest(const oci::Manifest& manifest,
                                             const FetchContent& fetch) {
  TRY(config, FetchConfig(manifest, fetch));
  TRY(found, ReadMetadata(manifest, config, fetch));
  resource::ModelFacts facts;
  facts.format = FormatOfManifest(manifest, config);
  if (!found.source.empty()) facts.metadata = Summarise(found);
  if (found.metadata.signature) {
    facts.inputs = SpecsOf(found.metadata.signature->inputs);
    facts.outputs = SpecsOf(found.metadata.signature->outputs);
  }
  return facts;
}

}  // namespace slipway::model
