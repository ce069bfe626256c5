// Metadata: what people say of a model. One document for all forms of packages: a file `model.yaml`
// (or `model.json`) in the pushed folder, and what ormb, KitOps and other ModelPacks say in their
// own words (read_metadata.h). Format: docs/formats/model-metadata.md.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/describe.h"
#include "base/json.h"
#include "base/result.h"

namespace slipway::model {

// A number, a text, or true or false.
struct Metric {
  std::string name;
  Json value;
  std::string dataset;  // of Metadata::datasets, or any name
  std::string dataset_digest;
};
BOOST_DESCRIBE_STRUCT(Metric, (), (name, value, dataset, dataset_digest))

struct HyperParameter {
  std::string name;
  Json value;
};
BOOST_DESCRIBE_STRUCT(HyperParameter, (), (name, value))

struct GitSource {
  std::string repository;
  std::string revision;
};
BOOST_DESCRIBE_STRUCT(GitSource, (), (repository, revision))

struct Training {
  std::optional<GitSource> git;
  std::vector<std::string> urls;
  std::string command;
  std::string started_at;
  std::string finished_at;
};
BOOST_DESCRIBE_STRUCT(Training, (), (git, urls, command, started_at, finished_at))

struct DataSet {
  std::string name;
  std::string description;
  std::string version;
  std::string license;
  std::string digest;
  std::optional<GitSource> git;
  std::vector<std::string> urls;
};
BOOST_DESCRIBE_STRUCT(DataSet, (), (name, description, version, license, digest, git, urls))

// What the model was made from. `digest` is that of a manifest.
struct Parent {
  std::string reference;
  std::string digest;
  std::string relation;  // "fine-tuned", "quantised", "converted", ...
};
BOOST_DESCRIBE_STRUCT(Parent, (), (reference, digest, relation))

struct StatedTensor {
  std::string name;
  std::string dtype;           // as NumPy spells it: float32, int64; or as V2 does: FP32
  std::vector<int64_t> shape;  // -1: any
  std::string op_type;         // of PMML
  std::vector<std::string> values;
  std::string description;
};
BOOST_DESCRIBE_STRUCT(StatedTensor, (), (name, dtype, shape, op_type, values, description))

struct StatedSignature {
  std::vector<StatedTensor> inputs;
  std::vector<StatedTensor> outputs;
  std::map<std::string, int64_t> layers;  // how many of each kind of operator
};
BOOST_DESCRIBE_STRUCT(StatedSignature, (), (inputs, outputs, layers))

// ModelPack's `config.capabilities`.
struct Capabilities {
  std::vector<std::string> input_types;
  std::vector<std::string> output_types;
  std::string knowledge_cutoff;
  std::optional<bool> reasoning;
  std::optional<bool> tool_usage;
  std::optional<bool> reward;
  std::vector<std::string> languages;
};
BOOST_DESCRIBE_STRUCT(Capabilities, (),
                      (input_types, output_types, knowledge_cutoff, reasoning, tool_usage, reward,
                       languages))

struct Metadata {
  std::string api_version;  // "slipway/v1", or empty
  std::string kind;         // "ModelMetadata", or empty
  std::string name;
  std::string title;
  std::string description;
  std::string version;
  std::string family;
  std::vector<std::string> authors;
  std::string vendor;
  std::vector<std::string> licenses;
  std::string created_at;
  std::string revision;
  std::string doc_url;
  std::string source_url;
  std::string readme;  // path in the package
  std::string framework;
  std::string format;
  std::string architecture;
  std::string param_size;
  std::string precision;
  std::string quantization;
  std::string gpu_type;
  std::optional<Capabilities> capabilities;
  std::map<std::string, std::vector<Metric>> metrics;
  std::vector<HyperParameter> hyper_parameters;
  std::optional<Training> training;
  std::vector<DataSet> datasets;
  std::vector<Parent> parents;
  std::vector<std::string> tags;
  std::map<std::string, std::string> labels;
  std::optional<StatedSignature> signature;
  std::map<std::string, Json> extensions;  // what others say, as they say it, by their name
};
BOOST_DESCRIBE_STRUCT(Metadata, (),
                      (api_version, kind, name, title, description, version, family, authors,
                       vendor, licenses, created_at, revision, doc_url, source_url, readme,
                       framework, format, architecture, param_size, precision, quantization,
                       gpu_type, capabilities, metrics, hyper_parameters, training, datasets,
                       parents, tags, labels, signature, extensions))

inline constexpr std::string_view kMetadataKind = "ModelMetadata";
inline constexpr std::string_view kMetadataFiles[] = {"model.yaml", "model.json"};

// Whether a file of that name in the top folder of a package is our metadata: what `apiVersion`
// says counts; a `model.yaml` without one is metadata if it has a member that metadata has.
// (Several frameworks write files called `model.json`.) Pure.
bool IsMetadata(std::string_view file_name, std::string_view text);

// The same of a file that is too large to be read, as far as its beginning tells. Pure.
bool LooksLikeMetadata(std::string_view file_name, std::string_view head);

// Strict. INVALID_ARGUMENT / METADATA_INVALID: the message begins with the file's name and names
// line or byte of bad syntax, or the path of the value (also the detail "field"):
// `model.yaml: metrics.training[0].value: ...`.
Result<Metadata> ParseMetadata(std::string_view file_name, std::string_view text);

// Without its limits being passed, the types of values in free form, texts that belong together.
// INVALID_ARGUMENT / FIELD_...
Result<void> CheckMetadata(const Metadata& metadata);

// For people: what `slipway model init` writes and `inspect` shows.
std::string DumpMetadata(const Metadata& metadata);

bool IsEmpty(const Metadata& metadata);

}  // namespace slipway::model

#include "model/metadata/metadata_text.h"  // IWYU pragma: export
