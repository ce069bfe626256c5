// Model: a repository that holds models. ModelVersion: one manifest digest in it. Both are
// projections of registry rows, written in the registry's own transactions.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "resource/kinds.h"

namespace slipway::resource {

struct ModelSpec {
  std::string repository;  // "default/magika"
  std::string description;
};
BOOST_DESCRIBE_STRUCT(ModelSpec, (), (repository, description))

struct ModelStatus : StatusBase {
  int64_t versions = 0;
  std::map<std::string, std::string> tags;  // tag -> manifest digest
};
BOOST_DESCRIBE_STRUCT(ModelStatus, (StatusBase), (versions, tags))

struct ModelFile {
  std::string path;
  std::string digest;
  int64_t size_bytes = 0;
  std::string media_type;
};
BOOST_DESCRIBE_STRUCT(ModelFile, (), (path, digest, size_bytes, media_type))

struct TensorSpec {
  std::string name;
  std::string datatype;        // as V2 spells it: FP32, INT64, BYTES ...
  std::vector<int64_t> shape;  // -1: any
};
BOOST_DESCRIBE_STRUCT(TensorSpec, (), (name, datatype, shape))

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

struct ModelVersionStatus : StatusBase {
  std::vector<TensorSpec> inputs;
  std::vector<TensorSpec> outputs;
};
BOOST_DESCRIBE_STRUCT(ModelVersionStatus, (StatusBase), (inputs, outputs))

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
      {.name = "tags", .text = "Manifest digest of each tag.", .format = "digest"},
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
struct slipway::Description<slipway::resource::TensorSpec> {
  static constexpr std::string_view kText = "An input or output of a model.";
  static constexpr FieldText kFields[] = {
      {.name = "name", .text = "Its name in the model."},
      {.name = "datatype", .text = "As the Open Inference Protocol spells it: FP32, INT64, BYTES."},
      {.name = "shape", .text = "Its dimensions; -1: any."},
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
struct slipway::Description<slipway::resource::ModelVersionStatus> {
  static constexpr std::string_view kText = "What was read out of a model.";
  static constexpr FieldText kFields[] = {
      {.name = "inputs", .text = "Inputs of the model."},
      {.name = "outputs", .text = "Outputs of the model."},
  };
};
