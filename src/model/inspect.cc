#include "model/inspect.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "model/formats/fake.h"
#include "model/formats/onnx.h"
#include "model/formats/recognise.h"
#include "model/limits.h"
#include "oci/media_types.h"

namespace slipway::model {
namespace {

// What users have comes first; the engine of the tests is there, but no word of it.
constexpr std::string_view kDeployable[] = {"onnx", "fake"};
constexpr size_t kOffered = 1;
constexpr std::string_view kTitle = "org.opencontainers.image.title";

Result<tensor::Signature> ReadOnnxSignature(File& file, std::string_view file_name) {
  auto model = ReadOnnx(file);
  if (!model.has_value()) {
    return model.error().Prefixed(fmt::format("{} is no ONNX model: ", file_name));
  }
  auto signature = SignatureOf(*model);
  if (!signature.has_value()) return signature.error().Prefixed(fmt::format("{}: ", file_name));
  return signature;
}

Result<std::string> ReadHead(oci::ContentSource& content, const Digest& digest) {
  TRY(file, content.Open(digest));
  std::string head(kHeadBytes, '\0');
  TRY(size, file->ReadAt(0, head.data(), head.size()));
  head.resize(size);
  return head;
}

const oci::Descriptor* FindLayer(const oci::Manifest& manifest, std::string_view path) {
  for (const oci::Descriptor& layer : manifest.layers) {
    if (LayerPath(layer) == path) return &layer;
  }
  return nullptr;
}

// `config.format` of a ModelPack config, in lower case; empty if it is not there or not known.
std::string StatedFormat(std::string_view config_json) {
  if (config_json.empty()) return {};
  auto json = ParseJson(config_json, {.max_bytes = kMaxConfigBytes});
  if (!json.has_value() || !json->is_object()) return {};
  const auto pointer = Json::json_pointer("/config/format");
  if (!json->contains(pointer) || !json->at(pointer).is_string()) return {};
  std::string format = json->at(pointer).get<std::string>();
  std::ranges::transform(format, format.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto names = FormatNames();
  return std::ranges::find(names, format) != names.end() ? format : std::string();
}

}  // namespace

std::span<const std::string_view> DeployableFormats() {
  return kDeployable;
}

std::span<const std::string_view> OfferedFormats() {
  return DeployableFormats().first(kOffered);
}

std::string LayerPath(const oci::Descriptor& layer) {
  const std::string_view path = layer.annotation(oci::kModelFilePath);
  return std::string(path.empty() ? layer.annotation(kTitle) : path);
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

Result<ModelDescription> InspectManifest(oci::ContentSource& content,
                                         const oci::Manifest& manifest) {
  std::vector<FileHint> hints;
  for (const oci::Descriptor& layer : manifest.layers) {
    const std::string path = LayerPath(layer);
    if (path.empty()) continue;
    TRY(head, ReadHead(content, layer.digest));
    hints.push_back({path, std::move(head)});
  }
  Recognised recognised = Recognise(hints);
  ModelDescription description{.format = std::move(recognised.format),
                               .model_file = std::move(recognised.main_file),
                               .signature = std::nullopt};
  const oci::Descriptor* layer = FindLayer(manifest, description.model_file);
  if (layer == nullptr) return description;
  TRY(file, content.Open(layer->digest));
  auto signature = ReadSignature(description.format, *file, description.model_file);
  if (signature.has_value()) {
    description.signature = *std::move(signature);
  } else if (signature.error().code() != Code::kUnimplemented) {
    return signature.error();
  }
  return description;
}

std::string FormatOfManifest(const oci::Manifest& manifest, std::string_view config_json) {
  if (std::string stated = StatedFormat(config_json); !stated.empty()) return stated;
  std::vector<FileHint> hints;
  for (const oci::Descriptor& layer : manifest.layers) {
    if (std::string path = LayerPath(layer); !path.empty()) hints.push_back({path, ""});
  }
  return Recognise(hints).format;
}

}  // namespace slipway::model
