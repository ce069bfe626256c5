#include "model/metadata/read_metadata.h"

#include <algorithm>

#include "model/kitops/kitfile.h"
#include "model/layer_files.h"
#include "model/limits.h"
#include "model/metadata/model_pack_config.h"
#include "model/ormb/ormb_file.h"

namespace slipway::model {
namespace {

Json ParseLenient(std::string_view json) {
  auto parsed = ParseJson(json, {.max_bytes = kMaxConfigBytes, .max_depth = 32});
  return parsed.has_value() ? *std::move(parsed) : Json();
}

const oci::Descriptor* FindLayer(const oci::Manifest& manifest, std::string_view path) {
  for (const oci::Descriptor& layer : manifest.layers) {
    if (LayerPath(layer) == path && !ArchiveTypeOf(layer.media_type)) return &layer;
  }
  return nullptr;
}

// ormb's file, in a package that is none of ormb's.
Result<void> ReadOrmbFile(const oci::Manifest& manifest, const FetchContent& fetch,
                          FoundMetadata& found) {
  const oci::Descriptor* layer = FindLayer(manifest, kOrmbFile);
  if (layer == nullptr || layer->size_bytes > kMaxMetadataBytes) return {};
  TRY(text, fetch(*layer));
  if (!text) return {};
  auto ormb = ParseOrmbFile(*text);
  if (!ormb.has_value()) {
    found.problem = ormb.error().message();
    return {};
  }
  found.metadata = FromOrmb(*ormb);
  found.source = kOrmbFile;
  found.document = *std::move(text);
  return {};
}

// Our own file, if the package has one.
Result<void> ReadFile(const oci::Manifest& manifest, const FetchContent& fetch,
                      FoundMetadata& found) {
  for (const std::string_view name : kMetadataFiles) {
    const oci::Descriptor* layer = FindLayer(manifest, name);
    if (layer == nullptr || layer->size_bytes > kMaxMetadataBytes) continue;
    TRY(text, fetch(*layer));
    if (!text || !IsMetadata(name, *text)) continue;
    auto metadata = ParseMetadata(name, *text);
    if (!metadata.has_value()) {
      found.problem = metadata.error().message();
      return {};
    }
    found.metadata = *std::move(metadata);
    found.source = name;
    found.document = *std::move(text);
    return {};
  }
  return {};
}

void ReadKitfile(std::string_view json, FoundMetadata& found) {
  const Json kitfile = ParseLenient(json);
  if (!kitfile.is_object()) {
    if (!json.empty()) found.problem = "the Kitfile is no JSON object";
    return;
  }
  found.metadata = FromKitfile(kitfile);
  found.source = kKitfile;
  found.document = json;
}

Result<void> ReadModelPack(const oci::Manifest& manifest, std::string_view config_json,
                           const FetchContent& fetch, FoundMetadata& found) {
  TRY_VOID(ReadFile(manifest, fetch, found));
  if (found.source.empty() && found.problem.empty()) {
    TRY_VOID(ReadOrmbFile(manifest, fetch, found));
  }
  const Metadata stated = FromModelPackConfig(ParseLenient(config_json));
  if (!found.source.empty()) {
    if (found.metadata.format.empty()) found.metadata.format = stated.format;
    return {};
  }
  const auto kitfile = manifest.annotations.find(std::string(kKitfileAnnotation));
  if (kitfile != manifest.annotations.end()) {
    ReadKitfile(kitfile->second, found);
    if (!found.source.empty()) return {};
  }
  found.metadata = stated;
  if (!IsEmpty(stated)) {
    found.source = "config";
    found.document = config_json;
  }
  return {};
}

void ReadOrmb(std::string_view config_json, FoundMetadata& found) {
  if (config_json.empty()) return;
  auto ormb = ParseOrmbConfig(config_json);
  if (!ormb.has_value()) {
    found.problem = ormb.error().message();
    return;
  }
  found.metadata = FromOrmb(*ormb);
  found.source = kOrmbFile;
  found.document = config_json;
}

// Cuts what is too long, and remembers that it did.
class Cutter {
 public:
  // What follows belongs to this member, as JSON names it.
  void Begin(std::string_view member) { member_ = member; }
  // A text that has no room at all is left out: one that was cut shows it by its length.
  std::string Text(const std::string& text) {
    size_t end = text.size();
    if (end > kMaxSummaryTextBytes) {
      Cut();
      end = kMaxSummaryTextBytes;
      while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    }
    if (end > kMaxSummaryBytes - bytes_) {
      Cut();
      end = 0;
    }
    bytes_ += end;
    return text.substr(0, end);
  }
  Json Value(const Json& value) {
    if (value.is_string()) return Text(value.get_ref<const std::string&>());
    return value;
  }
  std::vector<std::string> Texts(const std::vector<std::string>& texts) {
    std::vector<std::string> out;
    for (const std::string& text : texts) {
      if (!Room(out.size())) break;
      out.push_back(Text(text));
    }
    return out;
  }
  bool Room(size_t count) {
    if (count < kMaxSummaryEntries && bytes_ < kMaxSummaryBytes) return true;
    Cut();
    return false;
  }
  // The members that are cut.
  const std::vector<std::string>& cut() const { return cut_; }

 private:
  void Cut() {
    if (std::ranges::find(cut_, member_) == cut_.end()) cut_.emplace_back(member_);
  }

  size_t bytes_ = 0;
  std::string_view member_;
  std::vector<std::string> cut_;
};

void AddMetrics(const Metadata& from, Cutter& cutter, resource::ModelMetadata& to) {
  cutter.Begin("metrics");
  size_t count = 0;
  for (const auto& [group, metrics] : from.metrics) {
    for (const Metric& metric : metrics) {
      if (!cutter.Room(count++)) return;
      to.metrics[cutter.Text(group)].push_back({.name = cutter.Text(metric.name),
                                                .value = cutter.Value(metric.value),
                                                .dataset = cutter.Text(metric.dataset)});
    }
  }
}

// NumPy's names and V2's; where there are several, the first is what is written.
constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
    {"bool", "BOOL"},     {"uint8", "UINT8"},  {"uint16", "UINT16"}, {"uint32", "UINT32"},
    {"uint64", "UINT64"}, {"int8", "INT8"},    {"int16", "INT16"},   {"int32", "INT32"},
    {"int64", "INT64"},   {"float16", "FP16"}, {"float32", "FP32"},  {"float", "FP32"},
    {"float64", "FP64"},  {"double", "FP64"},  {"bfloat16", "BF16"}, {"string", "BYTES"},
    {"str", "BYTES"},     {"object", "BYTES"},
};
// Names, and the digests of those that have both; figures tell digests too.
void AddDataSets(const Metadata& from, Cutter& cutter, resource::ModelMetadata& to) {
  const auto add_digest = [&](const std::string& name, const std::string& digest) {
    if (name.empty() || digest.empty() || to.dataset_digests.contains(name)) return;
    cutter.Begin("datasetDigests");
    if (!cutter.Room(to.dataset_digests.size())) return;
    std::string key = cutter.Text(name);
    if (!key.empty()) to.dataset_digests.emplace(std::move(key), cutter.Text(digest));
  };
  for (const DataSet& dataset : from.datasets) {
    if (dataset.name.empty()) continue;
    cutter.Begin("datasets");
    if (!cutter.Room(to.datasets.size())) break;
    to.datasets.push_back(cutter.Text(dataset.name));
    add_digest(dataset.name, dataset.digest);
  }
  for (const auto& [group, metrics] : from.metrics) {
    for (const Metric& metric : metrics) add_digest(metric.dataset, metric.dataset_digest);
  }
}

std::optional<std::string_view> V2Type(std::string_view dtype) {
  for (const auto& [name, type] : kTypes) {
    if (name == dtype) return type;
  }
  return std::nullopt;
}

}  // namespace

oci::ModelForm FormOf(const oci::Manifest& manifest) {
  return oci::FormOf(manifest.EffectiveArtifactType());
}

Result<FoundMetadata> ReadMetadata(const oci::Manifest& manifest, std::string_view config_json,
                                   const FetchContent& fetch) {
  FoundMetadata found;
  switch (FormOf(manifest)) {
    case oci::ModelForm::kOrmb:
      ReadOrmb(config_json, found);
      break;
    case oci::ModelForm::kKitOps:
      ReadKitfile(config_json, found);
      break;
    case oci::ModelForm::kModelPack:
    case oci::ModelForm::kNone:
      TRY_VOID(ReadModelPack(manifest, config_json, fetch, found));
      break;
  }
  return found;
}

const oci::Descriptor* ReadmeLayer(const oci::Manifest& manifest, const Metadata& metadata) {
  return FindLayer(manifest, metadata.readme.empty() ? "README.md" : metadata.readme);
}

resource::ModelMetadata Summarise(const FoundMetadata& found) {
  const Metadata& from = found.metadata;
  Cutter cutter;
  resource::ModelMetadata to;
  to.source = found.source;
  const auto text = [&cutter](std::string_view member, const std::string& whole, std::string& cut) {
    cutter.Begin(member);
    cut = cutter.Text(whole);
  };
  text("name", from.name, to.name);
  text("title", from.title, to.title);
  text("description", from.description, to.description);
  text("version", from.version, to.version);
  text("vendor", from.vendor, to.vendor);
  cutter.Begin("authors");
  to.authors = cutter.Texts(from.authors);
  cutter.Begin("licenses");
  to.licenses = cutter.Texts(from.licenses);
  text("createdAt", from.created_at, to.created_at);
  text("framework", from.framework, to.framework);
  text("format", from.format, to.format);
  AddMetrics(from, cutter, to);
  cutter.Begin("hyperParameters");
  for (const HyperParameter& parameter : from.hyper_parameters) {
    if (!cutter.Room(to.hyper_parameters.size())) break;
    to.hyper_parameters.push_back(
        {.name = cutter.Text(parameter.name), .value = cutter.Value(parameter.value)});
  }
  AddDataSets(from, cutter, to);
  cutter.Begin("parents");
  for (const Parent& parent : from.parents) {
    if (!cutter.Room(to.parents.size())) break;
    to.parents.push_back({.reference = cutter.Text(parent.reference),
                          .digest = cutter.Text(parent.digest),
                          .relation = cutter.Text(parent.relation)});
  }
  cutter.Begin("tags");
  to.tags = cutter.Texts(from.tags);
  cutter.Begin("labels");
  for (const auto& [name, value] : from.labels) {
    if (!cutter.Room(to.labels.size())) break;
    to.labels.emplace(cutter.Text(name), cutter.Text(value));
  }
  to.cut = !cutter.cut().empty();
  to.cut_members = cutter.cut();
  return to;
}

std::vector<StatedTensor> StatedOf(const std::vector<tensor::TensorSpec>& tensors) {
  std::vector<StatedTensor> stated;
  for (const tensor::TensorSpec& tensor : tensors) {
    const std::string_view type = tensor::DataTypeName(tensor.type);
    const auto* known =
        std::ranges::find(kTypes, type, [](const auto& pair) { return pair.second; });
    stated.push_back({.name = tensor.name,
                      .dtype = std::string(known == std::ranges::end(kTypes) ? type : known->first),
                      .shape = {tensor.shape.dims().begin(), tensor.shape.dims().end()}});
  }
  return stated;
}

std::vector<resource::TensorSpec> SpecsOf(const std::vector<StatedTensor>& tensors) {
  std::vector<resource::TensorSpec> specs;
  Cutter cutter;
  for (const StatedTensor& tensor : tensors) {
    if (!cutter.Room(specs.size())) break;
    const std::vector<int64_t>& shape = tensor.shape;
    const auto rank = static_cast<std::ptrdiff_t>(std::min(shape.size(), kMaxSummaryRank));
    const std::string type(V2Type(tensor.dtype).value_or(tensor.dtype));
    specs.push_back({.name = cutter.Text(tensor.name),
                     .datatype = cutter.Text(type),
                     .shape = {shape.begin(), shape.begin() + rank}});
  }
  return specs;
}

}  // namespace slipway::model
