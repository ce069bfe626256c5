#include "model/ormb/ormb_file.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/format_check.h"
#include "base/yaml_texts.h"
#include "model/limits.h"

namespace slipway::model {
namespace {

// The types of ormb's program, to find what it would refuse and where texts are meant.
struct OrmbPair {
  std::string name;
  std::string value;
};
BOOST_DESCRIBE_STRUCT(OrmbPair, (), (name, value))

struct OrmbTensor {
  std::string name;
  std::vector<int64_t> size;
  std::string d_type;
  std::string op_type;
  std::vector<std::string> values;
};
BOOST_DESCRIBE_STRUCT(OrmbTensor, (), (name, size, d_type, op_type, values))

struct OrmbSignature {
  std::vector<OrmbTensor> inputs;
  std::vector<OrmbTensor> outputs;
  std::map<std::string, int64_t> layers;
};
BOOST_DESCRIBE_STRUCT(OrmbSignature, (), (inputs, outputs, layers))

struct OrmbGit {
  std::string repository;
  std::string revision;
};
BOOST_DESCRIBE_STRUCT(OrmbGit, (), (repository, revision))

struct OrmbSource {
  std::optional<OrmbGit> git;
};
BOOST_DESCRIBE_STRUCT(OrmbSource, (), (git))

struct OrmbMetadata {
  std::string author;
  std::string created;
  std::string description;
  std::vector<std::string> tags;
  std::map<std::string, std::string> labels;
  std::string format;
  std::string gpu_type;
  std::string framework;
  std::map<std::string, std::vector<OrmbPair>> metrics;
  std::vector<OrmbPair> hyper_parameters;
  std::optional<OrmbSignature> signature;
  std::optional<OrmbSource> training;
  std::optional<OrmbSource> dataset;
  std::vector<std::string> directory_structure;
};
BOOST_DESCRIBE_STRUCT(OrmbMetadata, (),
                      (author, created, description, tags, labels, format, gpu_type, framework,
                       metrics, hyper_parameters, signature, training, dataset,
                       directory_structure))

constexpr JsonLimits kLimits{.max_bytes = kMaxMetadataBytes, .max_depth = 32};

// Where ormb has a text, YAML's `0.930` and `true` are texts for it: as they stand in `texts`,
// which has the same members as `json`; null for a config, whose numbers are nowhere else.
void MakeTexts(const TypeInfo& type, const Json& texts, Json& json) {
  switch (type.kind) {
    case TypeKind::kString:
      if (json.is_number() || json.is_boolean()) {
        json = texts.is_string() ? texts.get<std::string>() : DumpJson(json);
      }
      return;
    case TypeKind::kOptional:
      MakeTexts(type.element(), texts, json);
      return;
    case TypeKind::kList:
      if (!json.is_array()) return;
      for (size_t i = 0; i < json.size(); ++i) {
        MakeTexts(type.element(), texts.is_array() ? texts[i] : Json(), json[i]);
      }
      return;
    case TypeKind::kMap:
      if (!json.is_object()) return;
      for (auto& [key, item] : json.items()) {
        MakeTexts(type.element(), texts.is_object() ? texts[key] : Json(), item);
      }
      return;
    case TypeKind::kStruct:
      if (!json.is_object()) return;
      for (const FieldInfo& field : type.fields) {
        const auto found = json.find(field.json_name);
        if (found == json.end()) continue;
        MakeTexts(field.type(), texts.is_object() ? texts[field.json_name] : Json(), *found);
      }
      return;
    default:
      return;
  }
}

Result<Json> Check(Result<Json> parsed, const Json& texts, std::string_view what) {
  if (parsed.has_value() && parsed->is_null()) parsed = Json::object();
  if (parsed.has_value()) {
    MakeTexts(TypeOf<OrmbMetadata>(), texts, *parsed);
    auto decoded = Decode<OrmbMetadata>(*parsed, "", UnknownFields::kIgnore);
    if (decoded.has_value()) return parsed;
    parsed = decoded.error();
  }
  const Error& error = parsed.error();
  return Error(Code::kInvalidArgument, "METADATA_INVALID",
               fmt::format("{}: {}", what, error.message()), error.details());
}

std::vector<StatedTensor> FromTensors(const std::vector<OrmbTensor>& from) {
  std::vector<StatedTensor> tensors;
  for (const OrmbTensor& tensor : from) {
    tensors.push_back({.name = tensor.name,
                       .dtype = tensor.d_type,
                       .shape = tensor.size,
                       .op_type = tensor.op_type,
                       .values = tensor.values,
                       .description = ""});
  }
  return tensors;
}

std::vector<OrmbTensor> ToTensors(const std::vector<StatedTensor>& from) {
  std::vector<OrmbTensor> tensors;
  for (const StatedTensor& tensor : from) {
    tensors.push_back({.name = tensor.name,
                       .size = tensor.shape,
                       .d_type = tensor.dtype,
                       .op_type = tensor.op_type,
                       .values = tensor.values});
  }
  return tensors;
}

std::optional<GitSource> GitOf(const std::optional<OrmbSource>& source) {
  if (!source || !source->git) return std::nullopt;
  if (source->git->repository.empty() && source->git->revision.empty()) return std::nullopt;
  return GitSource{.repository = source->git->repository, .revision = source->git->revision};
}

// As ormb writes it: `git` is always there.
OrmbSource SourceOf(const std::optional<GitSource>& git) {
  OrmbSource source{.git = OrmbGit{}};
  if (git) source.git = OrmbGit{.repository = git->repository, .revision = git->revision};
  return source;
}

std::string TextOf(const Json& value) {
  return value.is_string() ? value.get<std::string>() : DumpJson(value);
}

Metadata FromTyped(const OrmbMetadata& ormb) {
  Metadata metadata;
  if (!ormb.author.empty()) metadata.authors = {ormb.author};
  // Other texts stay where they are: among what has no field of its own.
  if (ormb.created != kOrmbNoTime && !FormatProblem("date-time", ormb.created)) {
    metadata.created_at = ormb.created;
  }
  metadata.description = ormb.description;
  metadata.tags = ormb.tags;
  metadata.labels = ormb.labels;
  metadata.format = ormb.format;
  metadata.gpu_type = ormb.gpu_type;
  metadata.framework = ormb.framework;
  for (const auto& [group, metrics] : ormb.metrics) {
    std::vector<Metric>& to = metadata.metrics[group];
    for (const OrmbPair& metric : metrics) {
      to.push_back(
          {.name = metric.name, .value = metric.value, .dataset = "", .dataset_digest = ""});
    }
  }
  for (const OrmbPair& parameter : ormb.hyper_parameters) {
    metadata.hyper_parameters.push_back({.name = parameter.name, .value = parameter.value});
  }
  if (ormb.signature) {
    metadata.signature = {.inputs = FromTensors(ormb.signature->inputs),
                          .outputs = FromTensors(ormb.signature->outputs),
                          .layers = ormb.signature->layers};
  }
  if (const auto git = GitOf(ormb.training)) {
    metadata.training.emplace().git = git;
  }
  if (const auto git = GitOf(ormb.dataset)) {
    metadata.datasets.emplace_back().git = git;
  }
  return metadata;
}

OrmbMetadata ToTyped(const Metadata& metadata) {
  OrmbMetadata ormb;
  ormb.author = fmt::format("{}", fmt::join(metadata.authors, ", "));
  ormb.created = metadata.created_at.empty() ? std::string(kOrmbNoTime) : metadata.created_at;
  ormb.description = metadata.description;
  ormb.tags = metadata.tags;
  ormb.labels = metadata.labels;
  ormb.format = metadata.format;
  ormb.gpu_type = metadata.gpu_type;
  ormb.framework = metadata.framework;
  for (const auto& [group, metrics] : metadata.metrics) {
    std::vector<OrmbPair>& to = ormb.metrics[group];
    for (const Metric& metric : metrics) to.push_back({metric.name, TextOf(metric.value)});
  }
  for (const HyperParameter& parameter : metadata.hyper_parameters) {
    ormb.hyper_parameters.push_back({parameter.name, TextOf(parameter.value)});
  }
  if (metadata.signature) {
    ormb.signature = OrmbSignature{.inputs = ToTensors(metadata.signature->inputs),
                                   .outputs = ToTensors(metadata.signature->outputs),
                                   .layers = metadata.signature->layers};
  }
  if (metadata.training) ormb.training = SourceOf(metadata.training->git);
  if (!metadata.datasets.empty()) ormb.dataset = SourceOf(metadata.datasets[0].git);
  return ormb;
}

// Of `whole` what `part` does not say: members, and members of members. Null if there is nothing.
Json Beyond(const Json& whole, const Json& part) {
  if (whole == part) return nullptr;
  if (!whole.is_object() || !part.is_object()) return whole;
  Json rest = Json::object();
  for (const auto& [key, value] : whole.items()) {
    const auto found = part.find(key);
    Json more = found == part.end() ? value : Beyond(value, *found);
    if (!more.is_null()) rest[key] = std::move(more);
  }
  return rest.empty() ? Json() : rest;
}

// Puts what Beyond took out back to its places. What it never took out, a member of another type
// than the place's, is left out: the extensions of a document are its author's words.
void Merge(Json& into, const Json& rest) {
  if (!into.is_object() || !rest.is_object()) {
    const bool same_kind = into.type() == rest.type() || (into.is_number() && rest.is_number());
    if (same_kind) into = rest;
    return;
  }
  for (const auto& [key, value] : rest.items()) {
    if (into.contains(key)) {
      Merge(into[key], value);
    } else {
      into[key] = value;
    }
  }
}

}  // namespace

Result<Json> ParseOrmbFile(std::string_view yaml) {
  const auto texts = ParseYamlTexts(yaml, kLimits);
  TRY(json, Check(ParseYaml(yaml, kLimits), texts ? *texts : Json(), kOrmbFile));
  // ormb's program could not read back what it says of no time.
  const auto created = json.find("created");
  if (created == json.end() || !created->is_string()) return json;
  const auto problem = FormatProblem("date-time", created->get<std::string>());
  if (!problem) return json;
  return InvalidArgument("METADATA_INVALID", fmt::format("{}: created: {}", kOrmbFile, *problem))
      .With("field", "created");
}

Result<Json> ParseOrmbConfig(std::string_view json) {
  return Check(ParseJson(json, {.max_bytes = kMaxConfigBytes, .max_depth = kLimits.max_depth}),
               Json(), "config");
}

Metadata FromOrmb(const Json& ormb) {
  auto typed = Decode<OrmbMetadata>(ormb, "", UnknownFields::kIgnore);
  if (!typed.has_value()) return {};
  Metadata metadata = FromTyped(*typed);
  const auto ours = ormb.find("slipway");
  if (ours != ormb.end()) {
    // What ToOrmb put there; a text that somebody else wrote is kept as any other member.
    auto decoded = Decode<Metadata>(*ours);
    if (decoded.has_value() && CheckMetadata(*decoded).has_value()) return *std::move(decoded);
  }
  Json rest = Beyond(ormb, ToOrmb(metadata));
  if (!rest.is_null()) metadata.extensions["ormb"] = std::move(rest);
  return metadata;
}

Json ToOrmb(const Metadata& metadata) {
  Json json = Encode(ToTyped(metadata));
  const auto rest = metadata.extensions.find("ormb");
  Metadata plain = metadata;
  plain.extensions.erase("ormb");
  const bool is_whole = Encode(FromTyped(ToTyped(plain))) == Encode(plain);
  if (rest != metadata.extensions.end()) Merge(json, rest->second);
  if (!is_whole) json["slipway"] = Encode(metadata);
  return json;
}

std::string WriteOrmbConfig(const Metadata& metadata, const std::vector<std::string>& files) {
  Json json = ToOrmb(metadata);
  json["directoryStructure"] = files;
  return DumpJson(json);
}

std::string WriteOrmbFile(const Metadata& metadata) {
  Json json = ToOrmb(metadata);
  if (json.value("created", "") == kOrmbNoTime) json.erase("created");
  return DumpYaml(json);
}

}  // namespace slipway::model
