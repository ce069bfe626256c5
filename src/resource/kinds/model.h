// Model: a repository that holds models. ModelVersion: one manifest digest in it. Both are
// projections of registry rows, written in the registry's own transactions.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "resource/envelope.h"

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

}  // namespace slipway::resource
