// Model: a repository that holds models. ModelVersion: one manifest digest in it. Both are
// projections of registry rows, written in the registry's own transactions.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "resource/kinds.h"
#include "resource/kinds/tensor_spec.h"

namespace slipway::resource {

struct ModelSpec {
  std::string repository;  // "default/magika"
  std::string description;
};
BOOST_DESCRIBE_STRUCT(ModelSpec, (), (repository, description))

struct ModelStatus : StatusBase {
  int64_t versions = 0;
  int64_t tag_moves = 0;  // changes with each transaction that moves tags, so that watchers see it
  // Of the newest tags (tag -> manifest digest). Not kept here: whoever reads a Model from the
  // ResourceStore gets them out of the registry's own rows.
  std::map<std::string, std::string> tags;
  bool tags_cut = false;
};
BOOST_DESCRIBE_STRUCT(ModelStatus, (StatusBase), (versions, tag_moves, tags, tags_cut))

struct ModelFile {
  std::string path;
  std::string digest;
  int64_t size_bytes = 0;
  std::string media_type;
};
BOOST_DESCRIBE_STRUCT(ModelFile, (), (path, digest, size_bytes, media_type))

struct ModelVersionSpec {
  std::string repository;
  std::string manifest_digest;
  std::string artifact_type;
  std::string format;  // "onnx", ...; empty: not recognised
  int64_t size_bytes = 0;
  std::vector<ModelFile> files;
};
BOOST_DESCRIBE_STRUCT(ModelVersionSpec, (),
                      (repository, manifest_digest, artifact_type, format, size_bytes, files))

struct ModelMetric {
  std::string name;
  Json value;  // a number, a text, or true or false
  std::string dataset;
};
BOOST_DESCRIBE_STRUCT(ModelMetric, (), (name, value, dataset))

struct ModelParameter {
  std::string name;
  Json value;
};
BOOST_DESCRIBE_STRUCT(ModelParameter, (), (name, value))

struct ModelParent {
  std::string reference;
  std::string digest;
  std::string relation;
};
BOOST_DESCRIBE_STRUCT(ModelParent, (), (reference, digest, relation))

// A text of ModelMetadata that would be longer is cut to this many bytes, or up to three less.
inline constexpr size_t kMaxMetadataTextBytes = 512;

// What a model's metadata say, cut to what a database should hold; the package has all of it.
struct ModelMetadata {
  std::string source;  // "model.yaml", "ormbfile.yaml", "Kitfile" or "config"
  std::string name;
  std::string title;
  std::string description;
  std::string version;
  std::string vendor;
  std::vector<std::string> authors;
  std::vector<std::string> licenses;
  std::string created_at;
  std::string framework;
  std::string format;  // as its author states it
  std::map<std::string, std::vector<ModelMetric>> metrics;
  std::vector<ModelParameter> hyper_parameters;
  std::vector<std::string> datasets;
  std::map<std::string, std::string> dataset_digests;  // of those that have one, by name
  std::vector<ModelParent> parents;
  std::vector<std::string> tags;
  std::map<std::string, std::string> labels;
  bool cut = false;                      // there is more in the package
  std::vector<std::string> cut_members;  // in which members
};
BOOST_DESCRIBE_STRUCT(ModelMetadata, (),
                      (source, name, title, description, version, vendor, authors, licenses,
                       created_at, framework, format, metrics, hyper_parameters, datasets,
                       dataset_digests, parents, tags, labels, cut, cut_members))

// What a manifest and its small contents tell of a model.
struct ModelFacts {
  std::string format;  // "onnx", ...; empty: not recognised
  std::optional<ModelMetadata> metadata;
  std::vector<TensorSpec> inputs;  // as the metadata state them
  std::vector<TensorSpec> outputs;
};

struct ModelVersionStatus : StatusBase {
  std::vector<TensorSpec> inputs;
  std::vector<TensorSpec> outputs;
  std::optional<ModelMetadata> metadata;
  std::vector<std::string> tags;  // not kept here, as those of a Model
  bool tags_cut = false;
};
BOOST_DESCRIBE_STRUCT(ModelVersionStatus, (StatusBase), (inputs, outputs, metadata, tags, tags_cut))

KindInfo ModelKind();
KindInfo ModelVersionKind();

}  // namespace slipway::resource

template <>
struct slipway::Description<slipway::resource::ModelSpec> {
  static constexpr std::string_view kText = "A repository that holds models.";
  static constexpr FieldText kFields[] = {
      {.name = "repository",
       .text = "PROJECT/NAME in the registry.",
       .required = true,
       .format = "repository"},
      {.name = "description", .text = "What the model is for.", .max = 4096},
  };
};

template <>
struct slipway::Description<slipway::resource::ModelStatus> {
  static constexpr std::string_view kText = "What a repository of models holds.";
  static constexpr FieldText kFields[] = {
      {.name = "versions", .text = "Number of model versions."},
      {.name = "tag_moves", .text = "How often its tags were changed."},
      {.name = "tags",
       .text = "Manifest digest of the newest tags, 20 at most.",
       .format = "digest"},
      {.name = "tags_cut", .text = "Whether it has more tags than are shown here."},
  };
};

template <>
struct slipway::Description<slipway::resource::ModelFile> {
  static constexpr std::string_view kText = "One file of a model.";
  static constexpr FieldText kFields[] = {
      {.name = "path", .text = "Path within the model."},
      {.name = "digest", .text = "Digest of its layer.", .format = "digest"},
      {.name = "size_bytes", .text = "Size of its layer in bytes.", .min = 0},
      {.name = "media_type", .text = "Media type of its layer."},
  };
};

template <>
struct slipway::Description<slipway::resource::ModelVersionSpec> {
  static constexpr std::string_view kText = "One manifest digest in a repository of models.";
  static constexpr FieldText kFields[] = {
      {.name = "repository",
       .text = "PROJECT/NAME in the registry.",
       .required = true,
       .format = "repository"},
      {.name = "manifest_digest",
       .text = "Digest of the manifest.",
       .required = true,
       .format = "digest"},
      {.name = "artifact_type", .text = "artifactType of the manifest."},
      {.name = "format", .text = "Format of the model, such as onnx; empty: not recognised."},
      {.name = "size_bytes", .text = "Bytes of all layers.", .min = 0},
      {.name = "files", .text = "Its files."},
  };
};

template <>
struct slipway::Description<slipway::resource::ModelMetric> {
  static constexpr std::string_view kText = "One figure that was measured.";
  static constexpr FieldText kFields[] = {
      {.name = "name", .text = "Its name."},
      {.name = "value", .text = "A number, a text, or true or false."},
      {.name = "dataset", .text = "Name of the data set it was measured on."},
  };
};

template <>
struct slipway::Description<slipway::resource::ModelParameter> {
  static constexpr std::string_view kText = "One setting of the training.";
  static constexpr FieldText kFields[] = {
      {.name = "name", .text = "Its name."},
      {.name = "value", .text = "A number, a text, or true or false."},
  };
};

template <>
struct slipway::Description<slipway::resource::ModelParent> {
  static constexpr std::string_view kText = "A model that this one was made from.";
  static constexpr FieldText kFields[] = {
      {.name = "reference", .text = "Its name in a registry."},
      {.name = "digest", .text = "Digest of its manifest."},
      {.name = "relation", .text = "What was done: fine-tuned, quantised, converted."},
  };
};

template <>
struct slipway::Description<slipway::resource::ModelMetadata> {
  static constexpr std::string_view kText = "What the author of a model says of it.";
  static constexpr FieldText kFields[] = {
      {.name = "source", .text = "Where it was read: model.yaml, ormbfile.yaml, Kitfile, config."},
      {.name = "name", .text = "The model's name."},
      {.name = "title", .text = "Its title for people."},
      {.name = "description", .text = "What it is for."},
      {.name = "version", .text = "Its version, in the author's numbering."},
      {.name = "vendor", .text = "Who gives it out."},
      {.name = "authors", .text = "Who made it."},
      {.name = "licenses", .text = "SPDX expressions of its licences."},
      {.name = "created_at", .text = "When it was made."},
      {.name = "framework", .text = "What it was trained with."},
      {.name = "format", .text = "Format of its files, as the author puts it."},
      {.name = "metrics", .text = "Figures in named groups, such as training."},
      {.name = "hyper_parameters", .text = "Settings of its training."},
      {.name = "datasets", .text = "Names of data that it was trained or measured with."},
      {.name = "dataset_digests", .text = "Digests of those data sets that have one, by name."},
      {.name = "parents", .text = "Models that it was made from."},
      {.name = "tags", .text = "Words to find it by."},
      {.name = "labels", .text = "Values to find it by."},
      {.name = "cut", .text = "Whether there is more in the package than is shown here."},
      {.name = "cut_members", .text = "The members of which there is more."},
  };
};

template <>
struct slipway::Description<slipway::resource::ModelVersionStatus> {
  static constexpr std::string_view kText = "What was read out of a model.";
  static constexpr FieldText kFields[] = {
      {.name = "inputs", .text = "Inputs of the model."},
      {.name = "outputs", .text = "Outputs of the model."},
      {.name = "metadata", .text = "What its author says of it."},
      {.name = "tags", .text = "The first of its tags by name, 20 at most."},
      {.name = "tags_cut", .text = "Whether it has more tags than are shown here."},
  };
};
