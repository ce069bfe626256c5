// Package: a file or a folder as a CNCF ModelPack (model-spec: artifactType, config, one raw layer
// per file). The same files give the same digests on any machine: no times, owners or modes are
// written, and layers are sorted by path. Format: docs/formats/model-package.md.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/file_system.h"
#include "base/result.h"
#include "tensor/signature.h"

namespace slipway::model {

// `what` is a file's path in the package; bytes of that file.
using Progress =
    std::function<void(std::string_view what, uint64_t done_bytes, uint64_t total_bytes)>;

struct PackageFile {
  std::string path;    // in the package
  std::string source;  // on this machine
  std::string root;    // folder that `source` is below, without links; empty: it was named itself
  FileInfo seen;       // when it was found
  uint64_t size_bytes = 0;
  Digest digest;
  std::string media_type;
};

struct Package {
  std::vector<PackageFile> files;  // sorted by path
  std::string config;
  Digest config_digest;
  std::string manifest;
  Digest manifest_digest;
  std::string format;      // empty: not recognised
  std::string model_file;  // path in the package; empty where there is none to open
  std::optional<tensor::Signature> signature;
  uint64_t size_bytes = 0;  // of all files
};

// `path` is a file or a folder, as CollectFiles (collect.h) reads it. An ONNX file brings the files
// beside it that hold its weights. Errors: those of CollectFiles and OpenCollected; an ONNX file
// that is none, or lacks its weights, is MODEL_INVALID, with file and byte.
Result<Package> PackageModel(FileSystem& files, const std::string& path,
                             const Progress& progress = {});

}  // namespace slipway::model
